package domain

import (
	"errors"
	"strings"
)

// Environment is a node of the tree.
type Environment struct {
	ID           EnvironmentID
	UUID         UUID
	Organization OrganizationID
	Parent       EnvironmentID
	Path         EnvironmentPath
	// AliasPath is the aliases from below the root down to this one, with slashes, and
	// "" for the root. It is for finding; what a reader is shown is cut by ShownPath.
	AliasPath string

	Alias         string
	Code          string
	SendURL       bool
	Active        bool
	TimeZone      string
	GitRepository string
	// IsOrganization marks the border of a tenant. It is set when the environment is
	// created and never changes.
	IsOrganization bool
	// Attributes are what products keep of an organization, and Picture its image; an environment
	// that is none has none. They are read with an environment only where that is said.
	Attributes Attributes
	Picture    Picture
}

// NewEnvironment returns an environment to be made below the one with that number, as it is where nothing else is
// said: active, of the zone GMT, and an organization directly below the root, where it would
// else belong to the root's organization with all who are admins there.
func NewEnvironment(parent EnvironmentID) Environment {
	return Environment{Parent: parent, Active: true, TimeZone: "GMT", IsOrganization: parent == RootEnvironment}
}

// Errors about environments.
var (
	ErrEnvironmentNotFound = &Error{Kind: NotFound, Code: "environment_not_found", Field: "environment",
		Public: "This environment does not exist."}
	ErrEnvironmentAmbiguous = &Error{Kind: Conflict, Code: "environment_ambiguous", Field: "environment",
		Public: "Several environments have this name; give a path or a number."}
	ErrEnvironmentAliasTaken = &Error{Kind: Conflict, Code: "environment_alias_taken", Field: "alias",
		Public: "Another environment beside it already has this alias."}
	ErrEnvironmentNotEmpty = &Error{Kind: Conflict, Code: "environment_not_empty", Field: "environment",
		Public: "This environment is not empty."}
	ErrEnvironmentCycle = &Error{Kind: Conflict, Code: "environment_cycle", Field: "parent",
		Public: "An environment cannot be moved into itself or below itself."}
	ErrEnvironmentBorder = &Error{Kind: Conflict, Code: "environment_border", Field: "parent",
		Public: "An environment cannot leave its organization; only whole organizations move."}
	ErrRootFixed = &Error{Kind: Conflict, Code: "root_fixed", Field: "environment",
		Public: "The root environment cannot be moved, deactivated or deleted."}
	ErrNotOrganization = &Error{Kind: Invalid, Code: "not_organization", Field: "attributes",
		Public: "Only organizations have attributes."}
	ErrTooDeep = &Error{Kind: Invalid, Code: "environment_too_deep", Field: "parent",
		Public: "The tree of environments would become too deep."}
)

// Validate returns an Invalid error for the first field that breaks a rule: the alias is
// a name without a slash that cannot be taken for a number or a UUID, the time zone is short
// text.
func (e *Environment) Validate() error {
	if err := checkName("alias", e.Alias); err != nil {
		return err
	}
	if strings.ContainsRune(e.Alias, '/') {
		return InvalidField("alias", "A slash is not allowed.")
	}
	if strings.Trim(e.Alias, "0123456789") == "" {
		return InvalidField("alias", "Give an alias that is no number.")
	}
	if _, err := ParseUUID(e.Alias); err == nil {
		return InvalidField("alias", "Give an alias that is no UUID.")
	}
	if e.Path.Depth() > MaxDepth {
		return ErrTooDeep
	}
	if (len(e.Attributes) > 0 || e.Picture.Tag != "") && !e.IsOrganization {
		return ErrNotOrganization
	}
	return errors.Join(
		e.Attributes.validate(),
		checkText("code", e.Code, maxNameLength),
		checkText("time_zone", e.TimeZone, maxNameLength),
		checkText("git_repository", e.GitRepository, 2000),
	)
}

// Hang gives e its place below parent, and the organization it belongs to there. Its
// number and alias must be known.
func (e *Environment) Hang(parent *Environment) {
	e.Parent = parent.ID
	e.Path = parent.Path.Child(e.ID)
	e.AliasPath = e.Alias
	if parent.AliasPath != "" {
		e.AliasPath = parent.AliasPath + "/" + e.Alias
	}
	e.Organization = parent.Organization
	if e.IsOrganization {
		e.Organization = OrganizationID(e.ID)
	}
}

// ShownPath returns the environment's alias path as a reader may see it: from the topmost
// ancestor that reaches accepts without a gap, itself at least. The root is "/".
func (e *Environment) ShownPath(reaches func(EnvironmentPath) bool) string {
	if e.Path == RootPath {
		return "/"
	}
	rest := e.AliasPath
	shown := len(rest) - len(e.Alias)
	for p := e.Path.Parent(); p != RootPath && reaches(p) && shown > 0; p = p.Parent() {
		shown = strings.LastIndexByte(rest[:shown-1], '/') + 1
	}
	return rest[shown:]
}

// EnvironmentRef is how a client names an environment: by number ("25"), by UUID, by alias
// ("Prod") or by alias path ("Acme/Prod"; with a leading slash the path is complete).
// "/" is the root. The empty reference names none.
type EnvironmentRef string

// NumberRef returns the reference that names an environment by its number.
func NumberRef(id EnvironmentID) EnvironmentRef { return EnvironmentRef(number(id)) }

// Number returns the number the reference is, if it is one.
func (r EnvironmentRef) Number() (EnvironmentID, bool) { return ParseID[EnvironmentID](string(r)) }

// UUID returns the UUID the reference is, if it is one.
func (r EnvironmentRef) UUID() (UUID, bool) {
	id, err := ParseUUID(string(r))
	return id, err == nil
}

// Alias returns the last alias of the reference.
func (r EnvironmentRef) Alias() string {
	return string(r[strings.LastIndexByte(string(r), '/')+1:])
}

// PathKey is the key of a complete path of aliases, with or without a slash before it: that of another spelling of the
// same path is the same.
func PathKey(path string) string { return Fold(strings.Trim(path, "/")) }

// Names reports whether the reference names e, whose shown path is given: its UUID or the
// whole of that path, or, unless the reference begins with a slash, its end. The root goes by
// its alias too.
func (r EnvironmentRef) Names(e *Environment, shown string) (whole, end bool) {
	if id, ok := r.UUID(); ok && id == e.UUID {
		return true, true
	}
	name := Fold(strings.TrimPrefix(string(r), "/"))
	complete := strings.HasPrefix(string(r), "/")
	if e.Path == RootPath {
		return name == "", !complete && name == Fold(e.Alias)
	}
	shown = Fold(shown)
	whole = name == shown
	return whole, whole || !complete && strings.HasSuffix(shown, "/"+name)
}

// EnvironmentCount counts what an environment has directly below and in it.
type EnvironmentCount struct {
	Environments, Users, Groups int64
}

// SubtreeCounts are what lies below an environment, as far as a reader may count it.
type SubtreeCounts struct {
	// HasChildren says that there are environments below it.
	HasChildren bool
	// People are those at home in it, PeopleBelow the same with those at home below it; -1 where the reader
	// may not list people.
	People, PeopleBelow int64
}

// CountedEnvironment is an environment with what lies below it.
type CountedEnvironment struct {
	Environment
	Counts SubtreeCounts
}

// MaxFound is how many environments a search finds at most.
const MaxFound = 20

// Departing is an organization that is being deleted: how many of its users are gone, and whether all is.
type Departing struct {
	Organization OrganizationID
	Users, Gone  int64
	Ended        bool
}
