package domain

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ObjectKind names a kind of objects.
type ObjectKind string

// The kinds of objects.
const (
	KindObserver    ObjectKind = "observer"
	KindSector      ObjectKind = "sector"
	KindApplication ObjectKind = "application"
	KindKey         ObjectKind = "key"
	KindAPI         ObjectKind = "api"
	KindTopic       ObjectKind = "topic"
)

// ObjectKindInfo is everything that is particular to one kind.
type ObjectKindInfo struct {
	Kind        ObjectKind
	Description string
	Read, Write Permission
	Attributes  []AttributeInfo
	// Parents are the kinds of objects that one of this kind may belong to. One with a
	// parent is deleted with it if DeletedWithParent; otherwise the parent stays until it
	// is gone.
	Parents           []ObjectKind
	ParentRequired    bool
	DeletedWithParent bool
	// Uses is the kind of objects that one of this kind may use; empty is none.
	Uses ObjectKind
	// NamesArePaths means that full names are paths, each unique in the organization.
	NamesArePaths bool
	// Departure says what becomes of an object when its owner is deleted.
	Departure Departure
	// Visibility is what a new object has unless it says otherwise.
	Visibility Visibility
	Copyable   bool
}

// Departure says what becomes of an object when its owner is deleted.
type Departure uint8

// The ways of departure. What is kept has no owner until somebody takes it over.
const (
	GoesWithOwner Departure = iota // it is deleted
	StaysIfShared                  // it is kept if others may read it, else deleted
	Stays                          // it is kept
)

var departureNames = [...]string{"deleted", "kept if shared", "kept"}

// String says it in a word or two.
func (d Departure) String() string { return departureNames[d] }

// AttributeKind says what the text of an attribute must look like.
type AttributeKind uint8

// The kinds of attributes.
const (
	AttributeText   AttributeKind = iota // any text
	AttributeNumber                      // a whole number in decimal
	AttributeFlag                        // true or false
	AttributeChoice                      // one of Choices
)

var attributeKindNames = [...]string{"text", "number", "flag", "choice"}

// String returns the kind's name.
func (k AttributeKind) String() string { return attributeKindNames[k] }

// AttributeInfo describes an attribute. Values are text; an empty one is none.
type AttributeInfo struct {
	Name     string
	Kind     AttributeKind
	Required bool
	Length   int // the most characters of a text
	Choices  []string
}

func textAttribute(name string, length int) AttributeInfo {
	return AttributeInfo{Name: name, Kind: AttributeText, Length: length}
}

func choiceAttribute(name string, choices ...string) AttributeInfo {
	return AttributeInfo{Name: name, Kind: AttributeChoice, Choices: choices}
}

func flagAttribute(name string) AttributeInfo { return AttributeInfo{Name: name, Kind: AttributeFlag} }

// ObjectKinds lists all kinds of objects. What becomes of an object when its owner goes is
// chosen by whose it is for: observers, sectors and applications with their keys are
// somebody's own work and go with them; an API is the organization's, and applications of
// others rely on it; a topic is kept as long as others take part in it.
var ObjectKinds = []ObjectKindInfo{
	{
		Kind: KindObserver, Description: "Watches texts for a subject.", Read: ObserverRead, Write: ObserverWrite,
		Attributes: []AttributeInfo{textAttribute("description", 2000), textAttribute("language", 35),
			textAttribute("keywords", 4000)},
		Departure: GoesWithOwner, Copyable: true,
	},
	{
		Kind: KindSector, Description: "Groups subjects of one field.", Read: SectorRead, Write: SectorWrite,
		Attributes: []AttributeInfo{textAttribute("description", 2000), textAttribute("language", 35),
			textAttribute("keywords", 4000)},
		Departure: GoesWithOwner, Copyable: true,
	},
	{
		Kind: KindApplication, Description: "A program that uses APIs.", Read: ApplicationRead, Write: ApplicationWrite,
		Attributes: []AttributeInfo{textAttribute("description", 2000), textAttribute("phone", 100),
			textAttribute("email", 254),
			flagAttribute("enabled"), choiceAttribute("state", "approved", "pending")},
		Uses: KindAPI, Departure: GoesWithOwner,
	},
	{
		Kind: KindKey, Description: "A key of an application; its UUID is what a client shows.", Read: ApplicationRead,
		Write:      ApplicationWrite,
		Attributes: []AttributeInfo{choiceAttribute("type", "apikey", "oauth", "external"), flagAttribute("enabled")},
		Parents:    []ObjectKind{KindApplication}, ParentRequired: true, DeletedWithParent: true, Departure: GoesWithOwner,
	},
	{
		Kind: KindAPI, Description: "Something that applications use.", Read: APIRead, Write: APIWrite,
		Attributes: []AttributeInfo{textAttribute("description", 2000), textAttribute("version", 100),
			textAttribute("path", 1000),
			choiceAttribute("state", "unpublished", "published", "deprecated")},
		Departure: Stays, Visibility: Shared,
	},
	{
		Kind: KindTopic, Description: "A place for messages; topics lie below one another.", Read: TopicRead,
		Write: TopicWrite,
		Attributes: []AttributeInfo{textAttribute("description", 2000), flagAttribute("canUpdateMsg"),
			flagAttribute("canDeleteMsg"),
			textAttribute("parameters", 4000)},
		Parents: []ObjectKind{KindTopic}, NamesArePaths: true, Departure: StaysIfShared,
	},
}

// Info returns the description of the kind. It reports false if there is no such kind.
func (k ObjectKind) Info() (*ObjectKindInfo, bool) {
	for i := range ObjectKinds {
		if ObjectKinds[i].Kind == k {
			return &ObjectKinds[i], true
		}
	}
	return nil, false
}

// ParseObjectKind reads the name of a kind.
func ParseObjectKind(s string) (ObjectKind, error) {
	kind, ok := ObjectKind(s).Info()
	if !ok {
		return "", ErrObjectKind
	}
	return kind.Kind, nil
}

// FullName returns the full name of an object of the kind called name below a parent with
// the full name parent, which is empty if there is none.
func (k *ObjectKindInfo) FullName(parent, name string) string {
	if !k.NamesArePaths {
		return name
	}
	return parent + "/" + name
}

// check returns an Invalid error for the first attribute that the kind does not have or
// whose value it does not take, by the alphabet, or that is missing.
func (k *ObjectKindInfo) check(attributes map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		i := slices.IndexFunc(k.Attributes, func(a AttributeInfo) bool { return a.Name == name })
		if i < 0 {
			return InvalidField("attributes", "An object of the kind %s has only these attributes: %s.", k.Kind,
				k.attributeNames())
		}
		if err := k.Attributes[i].check(attributes[name]); err != nil {
			return err
		}
	}
	for _, a := range k.Attributes {
		if a.Required && attributes[a.Name] == "" {
			return InvalidField("attributes."+a.Name, "A value is required.")
		}
	}
	return nil
}

func (k *ObjectKindInfo) attributeNames() string {
	names := make([]string, len(k.Attributes))
	for i, a := range k.Attributes {
		names[i] = a.Name
	}
	return strings.Join(names, ", ")
}

func (a *AttributeInfo) check(value string) error {
	field := "attributes." + a.Name
	switch a.Kind {
	case AttributeNumber:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return InvalidField(field, "Give a whole number.")
		}
	case AttributeFlag:
		if value != "true" && value != "false" {
			return InvalidField(field, "Give one of true and false.")
		}
	case AttributeChoice:
		if !slices.Contains(a.Choices, value) {
			return InvalidField(field, "Give one of %s.", strings.Join(a.Choices, ", "))
		}
	case AttributeText:
		return checkText(field, value, a.Length)
	}
	return nil
}
