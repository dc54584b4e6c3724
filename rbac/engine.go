package rbac

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/casbin/casbin/v2/persist"

	"canopy/domain"
	"canopy/policies"
)

// Engine decides by one policy. It is safe for concurrent use.
type Engine struct{ verdicts table }

// table has the verdict of every question there is: by role, permission, position, and whether
// the mask has the permission. What no question asks is denied.
type table [domain.RoleSuperUser + 1][domain.PermissionBits][domain.Above + 1][2]domain.Verdict

// New decides every question by a model and a policy in Casbin's file formats. It fails if one
// cannot be decided, and names the row of a policy that cannot be read or decides nothing.
func New(modelText, policyText string) (*Engine, error) {
	enforcer, err := load(modelText, policyText)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	e := &Engine{}
	used := make(map[string]bool)
	for _, role := range domain.Roles {
		for i := range domain.Catalogue {
			info := &domain.Catalogue[i]
			for _, position := range domain.Positions(info.Permission) {
				for held := range 2 {
					v, err := ask(enforcer, role, info, position, held == 1)
					if err != nil {
						question := rowOf([]string{role.String(), position.String(), info.Object, info.Action})
						return nil, fmt.Errorf("decide %q: %w", question, err)
					}
					e.verdicts[role][info.Permission][position][held] = v
					used[v.Policy] = true
				}
			}
		}
	}
	rows, err := enforcer.GetPolicy()
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if !used[rowOf(row)] {
			return nil, fmt.Errorf("row %q decides nothing: a word is unknown, or other rows permit the same", rowOf(row))
		}
	}
	return e, nil
}

// Shipped returns the engine of the policy that the program ships with. All callers share it: every question is
// decided once in a process.
func Shipped() (*Engine, error) { return shipped() }

var shipped = sync.OnceValues(func() (*Engine, error) { return New(policies.Model, policies.Policy) })

// load reads the rows one by one, because Casbin's adapter leaves out those it cannot read.
func load(modelText, policyText string) (*casbin.Enforcer, error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(policyText) {
		if err := persist.LoadPolicyLine(strings.TrimSpace(line), m); err != nil {
			return nil, fmt.Errorf("row %q: %w", strings.TrimSpace(line), err)
		}
	}
	enforcer, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	enforcer.AddFunction("holds", holds)
	if err := checkInheritance(enforcer); err != nil {
		return nil, err
	}
	return enforcer, enforcer.BuildRoleLinks()
}

// checkInheritance refuses unknown roles, and a role that inherits from itself or a higher one.
func checkInheritance(e *casbin.Enforcer) error {
	rows, err := e.GetGroupingPolicy()
	if err != nil {
		return err
	}
	for _, row := range rows {
		role, errRole := domain.ParseRole(row[0])
		below, errBelow := domain.ParseRole(row[1])
		if errRole != nil || errBelow != nil || role <= below || len(row) > 2 {
			return fmt.Errorf("row \"g, %s\": a role inherits from one below it", strings.Join(row, ", "))
		}
	}
	return nil
}

// Decide says whether the policy permits a principal of this role and mask to use p on
// a target in this position. What is not in the catalogue is denied.
func (e *Engine) Decide(role domain.Role, mask domain.Mask, position domain.Position,
	p domain.Permission) domain.Verdict {
	if role > domain.RoleSuperUser || p >= domain.PermissionBits || position > domain.Above {
		return domain.Verdict{}
	}
	held := 0
	if mask.Has(p) {
		held = 1
	}
	return e.verdicts[role][p][position][held]
}

// ask puts one question to Casbin.
func ask(e *casbin.Enforcer, role domain.Role, info *domain.PermissionInfo, position domain.Position,
	held bool) (domain.Verdict, error) {
	mask := info.Permission.Mask()
	if !held {
		mask = domain.AllPermissions &^ mask
	}
	allowed, row, err := e.EnforceEx(role.String(), mask, position.String(), info.Object, info.Action)
	if err != nil || !allowed {
		return domain.Verdict{}, err
	}
	return domain.Verdict{Allowed: true, Policy: rowOf(row)}, nil
}

// rowOf writes a policy row as its file does.
func rowOf(row []string) string { return "p, " + strings.Join(row, ", ") }

// holds tells the matcher whether a mask has a permission's bit. Casbin's evaluator turns
// numbers into float64, which would lose bits; a type of our own it leaves alone.
func holds(args ...any) (any, error) {
	if len(args) != 3 {
		return false, errors.New("holds takes a mask, an object and an action")
	}
	mask, okMask := args[0].(domain.Mask)
	object, okObject := args[1].(string)
	action, okAction := args[2].(string)
	if !okMask || !okObject || !okAction {
		return false, errors.New("holds takes a mask, an object and an action")
	}
	p, err := domain.ParsePermission(object + ":" + action)
	return err == nil && mask.Has(p), nil
}
