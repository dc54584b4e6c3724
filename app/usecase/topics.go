package usecase

import (
	"context"
	"iter"
	"strings"

	"canopy/domain"
	"canopy/tenancy"
)

// Topics are objects that people know by their full names, in their own organization. Who
// manages objects does not read other people's topics here.
type Topics struct {
	gate    *tenancy.Gate
	objects *Objects
}

// NewTopics returns the use cases of topics.
func NewTopics(gate *tenancy.Gate, objects *Objects) *Topics {
	return &Topics{gate: gate, objects: objects}
}

// ListTopics asks for topics by name.
type ListTopics struct {
	Name        string // a full name; empty is any
	Skip, Limit int    // Limit 0 is without one
}

// TopicList is a list of topics that is read while it is written. Topics can be ranged over
// once; an error ends it.
type TopicList struct {
	Topics iter.Seq2[ObjectDocument, error]
	Total  int64
}

// List returns the topics that who may read, wherever they work.
func (t *Topics) List(ctx context.Context, who domain.Principal, in ListTopics) (TopicList, error) {
	if in.Name != "" {
		o, err := t.objects.Named(ctx, who, NamedObject{Kind: domain.KindTopic, FullName: in.Name, Personal: true})
		found := []ObjectDocument{o}
		if domain.ErrObjectNotFound.Is(err) {
			found, err = nil, nil
		}
		return TopicList{Topics: pages(found, "", nil), Total: int64(len(found))}, err
	}
	all, err := t.objects.List(ctx, who, ListObjects{Everywhere: true, Personal: true, Total: true,
		Filter: domain.ObjectFilter{Kinds: []domain.ObjectKind{domain.KindTopic}, Order: domain.ObjectsByName}})
	if err != nil {
		return TopicList{}, err
	}
	return TopicList{Total: all.Total, Topics: func(yield func(ObjectDocument, error) bool) {
		n := 0
		for topic, err := range all.Items {
			if n++; err == nil && n <= in.Skip {
				continue
			}
			if in.Limit > 0 && n > in.Skip+in.Limit || !yield(topic, err) {
				return
			}
		}
	}}, nil
}

// NewTopic says what a topic is to be.
type NewTopic struct{ Name, Description string }

// Create makes a topic below the one that its full name says, which must be who's to write
// to; at the top only who manages objects can. It is as Objects.Create otherwise.
func (t *Topics) Create(ctx context.Context, who domain.Principal, in NewTopic) (ObjectDocument, error) {
	above, name := in.Name[:strings.LastIndexByte(in.Name, '/')], in.Name[strings.LastIndexByte(in.Name, '/')+1:]
	n := NewObject{Kind: domain.KindTopic, Name: name, Attributes: map[string]string{"description": in.Description}}
	if above != "" {
		parent, err := t.objects.Named(ctx, who, NamedObject{Kind: domain.KindTopic, FullName: above})
		if err != nil {
			return ObjectDocument{}, err
		}
		n.Parent = domain.NumberedObject(parent.ID)
	}
	return t.objects.Create(ctx, who, n)
}
