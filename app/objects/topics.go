package objects

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Topics are objects that people know by their full names, in their own organization. Who manages objects does not
// read other people's topics here, unless they say so.
type Topics struct {
	gate    *tenancy.Gate
	objects *Objects
	social  SocialStore
}

// NewTopics returns the use cases of topics.
func NewTopics(gate *tenancy.Gate, objects *Objects, social SocialStore) *Topics {
	return &Topics{gate: gate, objects: objects, social: social}
}

// ListTopics asks for topics.
type ListTopics struct {
	Names        []string // full names; none keeps all
	IDs          []domain.ObjectID
	Prefix       string // the beginning of the full name
	Descriptions []string
	Since, Until time.Time
	// Favourites keeps the topics among the reader's favourites.
	Favourites bool
	// Managed asks for what the reader manages as well, but for the topics of one person alone. Whoever is no admin
	// has nothing more by it.
	Managed bool
	// Unseen asks for UnseenTopics. It needs a Limit of up to maxUnseen.
	Unseen      bool
	Skip, Limit int // Limit 0 is without one
}

// maxUnseen bounds a list of topics that is asked for with what is new in them.
const maxUnseen = 1000

// TopicList is a list of topics, by full name in the order of the letters' codes, that is read while it is written.
type TopicList struct {
	directory.Listed[ObjectDocument]
	Unseen *UnseenTopics // nil if it was not asked for
}

// UnseenTopics says where the reader was and where not.
type UnseenTopics struct {
	Visited int64    // in how many topics the reader ever said they were
	Names   []string // the topics of the list where they never did, but for the muted ones
}

// List returns the topics that the caller may read, wherever they work. Filters narrow one another.
func (t *Topics) List(ctx context.Context, caller domain.Principal, in ListTopics) (list TopicList, err error) {
	if in.Unseen && (in.Limit < 1 || in.Limit > maxUnseen) {
		return list, domain.InvalidField("limit", "Give a number from 1 to %d when you ask for what is unread.",
			maxUnseen)
	}
	f := domain.ObjectFilter{Kinds: []domain.ObjectKind{domain.KindTopic}, Names: in.Names, IDs: in.IDs, Prefix: in.Prefix,
		Descriptions: in.Descriptions, Since: in.Since, Until: in.Until, Order: domain.ObjectsByLetter}
	var favourites domain.Favourites
	if in.Favourites || in.Unseen {
		if favourites, err = t.favouritesOf(ctx, &caller); err != nil {
			return list, err
		}
	}
	if in.Favourites {
		if f.Names = among(favourites[domain.FavouriteTopics], in.Names); len(f.Names) == 0 {
			return t.withUnseen(ctx, &caller, in, favourites,
				TopicList{Listed: directory.Listed[ObjectDocument]{
					Items: directory.Pages[ObjectDocument](nil, "", nil)}})
		}
	}
	if in.Managed {
		if in.Managed, err = t.isAdmin(ctx, &caller); err != nil {
			return list, err
		}
	}
	if in.Managed {
		f.Without = domain.PrivateTopics
	}
	all, err := t.objects.List(ctx, caller,
		ListObjects{Everywhere: true, Personal: !in.Managed, Total: true, Filter: f})
	if err != nil {
		return list, err
	}
	all.Items = part(all.Items, in.Skip, in.Limit)
	return t.withUnseen(ctx, &caller, in, favourites, TopicList{Listed: all})
}

// among returns the names of list that are among wanted, all of them if nothing is wanted.
func among(list, wanted []string) []string {
	if len(wanted) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool {
		return !slices.ContainsFunc(wanted, func(w string) bool { return domain.Fold(w) == domain.Fold(name) })
	})
}

// part returns up to limit of the entries behind the first skip ones, all for 0.
func part[T any](entries iter.Seq2[T, error], skip, limit int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for entry, err := range entries {
			if n++; err == nil && n <= skip {
				continue
			}
			if !yield(entry, err) || limit > 0 && n >= skip+limit {
				return
			}
		}
	}
}

// withUnseen adds UnseenTopics to a list if in asks for it.
func (t *Topics) withUnseen(ctx context.Context, caller *domain.Principal, in ListTopics, favourites domain.Favourites,
	list TopicList) (TopicList, error) {
	if !in.Unseen {
		return list, nil
	}
	var topics []ObjectDocument
	var ids []domain.ObjectID
	for topic, err := range list.Items {
		if err != nil {
			return list, err
		}
		topics, ids = append(topics, topic), append(ids, topic.ID)
	}
	sc, err := t.gate.EnterObjects(ctx, caller, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	visited, all, err := t.social.Visited(ctx, sc.Personally(), ids)
	if err != nil {
		return list, err
	}
	list.Unseen = &UnseenTopics{Visited: all}
	muted := make(map[string]bool, len(favourites[domain.MutedTopics]))
	for _, name := range favourites[domain.MutedTopics] {
		muted[domain.Fold(name)] = true
	}
	for i := range topics {
		if !slices.Contains(visited, topics[i].ID) && !muted[domain.Fold(topics[i].FullName)] {
			list.Unseen.Names = append(list.Unseen.Names, topics[i].FullName)
		}
	}
	list.Items = directory.Pages(topics, "", nil)
	return list, nil
}

func (t *Topics) favouritesOf(ctx context.Context, caller *domain.Principal) (domain.Favourites, error) {
	sc, err := t.gate.Enter(ctx, caller, domain.ProfileRead, tenancy.Anywhere())
	if err != nil {
		return domain.Favourites{}, err
	}
	return t.social.Favourites(ctx, sc)
}

// isAdmin reports whether the caller is an admin of an organization.
func (t *Topics) isAdmin(ctx context.Context, caller *domain.Principal) (bool, error) {
	_, err := t.gate.Enter(ctx, caller, domain.OrganizationRead, tenancy.Anywhere())
	if domain.ErrForbidden.Is(err) {
		return false, nil
	}
	return err == nil, err
}

// Get returns the topic of that full name that was made for the caller, given to them, or opened to everybody. It
// returns domain.ErrObjectNotFound for any other, also for who manages it. The level is the one that the caller has by
// managing too.
func (t *Topics) Get(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) (ObjectDocument, error) {
	o, sc, err := t.objects.readPersonally(ctx, &caller, ref)
	return documentOr(sc, o, err)
}

// ShareTopic names a topic, and a user or a group who are to have a level on it.
type ShareTopic struct {
	GrantObject
	Below bool // also what lies below it, as far as it is the giver's to administer
}

// Share gives a user or a group a level on a topic; a higher one they have is left as it is. It needs what
// Objects.Grant needs, and changes all of the topics or none: it returns domain.ErrTooManyBelow for too many.
func (t *Topics) Share(ctx context.Context, caller domain.Principal, in ShareTopic) error {
	return t.share(ctx, &caller, in, in.Level, func(o *domain.Object, entry domain.Access) (bool, error) {
		return o.Owner != entry.User && o.Listed(entry).Level < entry.Level, nil
	})
}

// Unshare takes the level away that Share gave; another one is left as it is. It returns domain.ErrOwnerKeeps for the
// level that the owner has, who is not on the list.
func (t *Topics) Unshare(ctx context.Context, caller domain.Principal, in ShareTopic) error {
	return t.share(ctx, &caller, in, domain.NoLevel, func(o *domain.Object, entry domain.Access) (bool, error) {
		if entry.User.User != 0 && o.Owner == entry.User && in.Level == OwnersLevel {
			return false, domain.ErrOwnerKeeps
		}
		return o.Listed(entry).Level == in.Level, nil
	})
}

// OwnersLevel is the level that a topic's owner is shown with among those who have one.
const OwnersLevel = domain.LevelWrite

// share gives the user or group of in the level become on those of the topics for which changes says so.
func (t *Topics) share(ctx context.Context, caller *domain.Principal, in ShareTopic, become domain.Level,
	changes func(*domain.Object, domain.Access) (bool, error)) error {
	target, w, err := t.objects.enter(ctx, caller, in.Object)
	if err != nil {
		return err
	}
	if w.Level(&target) < domain.LevelAdmin {
		return domain.ErrForbidden
	}
	subject := in.GrantObject
	subject.Level = become
	entry, err := t.objects.subject(ctx, caller, w.Read(), &target, subject)
	if err != nil {
		return err
	}
	_, err = t.objects.work(ctx, w, target.Key(), domain.LevelAdmin, func(tx ObjectTx, o *domain.Object) error {
		topics := []domain.Object{*o}
		if in.Below {
			below, err := tx.ObjectsBelow(o)
			if err != nil {
				return err
			}
			topics = append(topics, below...)
		}
		if len(topics) > domain.MaxTogether {
			return domain.ErrTooManyBelow
		}
		var changed []domain.Object
		for i := range topics {
			if w.Level(&topics[i]) < domain.LevelAdmin {
				return domain.ErrForbidden
			}
			change, err := changes(&topics[i], entry)
			if err != nil {
				return err
			}
			if change {
				changed = append(changed, topics[i])
			}
		}
		if len(changed) == 0 {
			return nil
		}
		return tx.GrantObjects(changed, entry)
	})
	return err
}

// NewTopic says what a topic is to be.
type NewTopic struct{ Name, Description string }

// Create makes a topic below the one that its full name says, which must be the caller's to write to; at the top only
// who manages objects can. It is as Objects.Create otherwise.
func (t *Topics) Create(ctx context.Context, caller domain.Principal, in NewTopic) (ObjectDocument, error) {
	above, name := in.Name[:strings.LastIndexByte(in.Name, '/')], in.Name[strings.LastIndexByte(in.Name, '/')+1:]
	n := NewObject{Kind: domain.KindTopic, Name: name, Attributes: map[string]string{"description": in.Description}}
	if above != "" {
		o, _, err := t.objects.read(ctx, &caller, domain.ObjectRef(above))
		if err != nil {
			return ObjectDocument{}, err
		}
		n.Parent = domain.NumberedObject(o.ID)
	}
	return t.objects.Create(ctx, caller, n)
}
