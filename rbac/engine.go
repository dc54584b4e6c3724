package rbac

import (
	"errors"
	"fmt"
	"strings"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"
	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// Engine decides by one policy. It is safe for concurrent use.
type Engine struct {
	enforcer *casbin.Enforcer
	verdicts *lru.Cache[question, domain.Verdict]
}

// question is everything a verdict depends on.
type question struct {
	role       domain.Role
	permission domain.Permission
	position   domain.Position
	held       bool
}

// cacheSize holds every question there is: roles, bits, positions, held or not.
const cacheSize = 4 * domain.PermissionBits * 3 * 2

// New loads a model and policy in Casbin's file formats. It fails on a policy that
// names an unknown role, position or permission.
func New(modelText, policyText string) (*Engine, error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, fmt.Errorf("read the policy model: %w", err)
	}
	enforcer, err := casbin.NewEnforcer(m, stringadapter.NewAdapter(policyText))
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	enforcer.AddFunction("holds", holds)
	if err := check(enforcer); err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	verdicts, err := lru.New[question, domain.Verdict](cacheSize)
	if err != nil {
		return nil, err
	}
	return &Engine{enforcer: enforcer, verdicts: verdicts}, nil
}

// Decide says whether the policy permits a principal of this role and mask to use p on
// a target in this position. What cannot be decided is denied.
func (e *Engine) Decide(role domain.Role, mask domain.Mask, position domain.Position, p domain.Permission) domain.Verdict {
	q := question{role, p, position, mask.Has(p)}
	if v, ok := e.verdicts.Get(q); ok {
		return v
	}
	v, err := e.ask(role, mask, position, p)
	if err != nil {
		return domain.Verdict{}
	}
	e.verdicts.Add(q, v)
	return v
}

// ask puts the question to Casbin.
func (e *Engine) ask(role domain.Role, mask domain.Mask, position domain.Position, p domain.Permission) (domain.Verdict, error) {
	info, ok := p.Info()
	if !ok {
		return domain.Verdict{}, nil
	}
	allowed, row, err := e.enforcer.EnforceEx(role.String(), mask, position.String(), info.Object, info.Action)
	if err != nil || !allowed {
		return domain.Verdict{}, err
	}
	return domain.Verdict{Allowed: true, Policy: "p, " + strings.Join(row, ", ")}, nil
}

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

// check refuses a policy with a word that no question uses: such a row would never
// match, and a misspelt one would be missed.
func check(e *casbin.Enforcer) error {
	rows, err := e.GetPolicy()
	if err != nil {
		return err
	}
	for _, row := range rows {
		_, errRole := domain.ParseRole(row[0])
		_, errPermission := domain.ParsePermission(row[2] + ":" + row[3])
		if err := errors.Join(errRole, errPermission); err != nil {
			return fmt.Errorf("row %q: %w", strings.Join(row, ", "), err)
		}
		if row[1] != domain.Self.String() && row[1] != domain.Within.String() {
			return fmt.Errorf("row %q: unknown position", strings.Join(row, ", "))
		}
	}
	return nil
}
