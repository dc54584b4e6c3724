package console

import (
	"context"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/domain"
)

// treeRoutes lists the pages of the tree of places.
func (s *Surface) treeRoutes(r fiber.Router) {
	r.Get(Base+"/tree", s.on(s.tree))
}

// childrenShown is how many places below one are shown at a time.
const childrenShown = 50

// A branch is what the page of the tree shows: the way to a place, and a page of what lies below it.
type branch struct {
	directory.Branch
	children []directory.EnvironmentDocument
	next     domain.Cursor
	closed   bool // the place is not opened: children is empty for that
	found    []directory.EnvironmentDocument
	searched bool
}

// tree is the page of the tree, opened at a place, or of a search in it.
func (s *Surface) tree(ctx context.Context, v *visit) (answer, error) {
	b := &branch{}
	name := strings.TrimSpace(v.query("q"))
	if name != "" {
		var err error
		b.searched = true
		b.found, err = s.uses.Environments.Search(ctx, v.caller, directory.SearchEnvironments{Prefix: name})
		if err != nil {
			return answer{}, err
		}
		return shown(treePage(v, b))
	}
	b.closed = v.query("closed") != ""
	var err error
	if b.Branch, err = s.uses.Environments.Branch(ctx, v.caller, domain.EnvironmentRef(v.query("open"))); err != nil {
		return answer{}, err
	}
	if b.closed {
		return shown(treePage(v, b))
	}
	b.children, b.next, err = s.children(ctx, v, b.ID)
	if err != nil {
		return answer{}, err
	}
	return shown(treePage(v, b))
}

// children returns a page of what lies below a place: the first, or the one that the address says.
func (s *Surface) children(ctx context.Context, v *visit,
	of domain.EnvironmentID) ([]directory.EnvironmentDocument, domain.Cursor, error) {
	list, err := s.uses.Environments.Children(ctx, v.caller, directory.ListChildren{Parent: domain.NumberRef(of),
		Counts: true, Page: domain.Page{Limit: childrenShown, After: domain.Cursor(v.query("after"))}})
	if err != nil {
		return nil, "", err
	}
	var all []directory.EnvironmentDocument
	for e, err := range list.Items {
		if err != nil {
			return nil, "", err
		}
		all = append(all, e)
	}
	return all, list.Next, nil
}

// otherTops are the places where the reader's reach begins beside the one that the way begins at.
func (b *branch) otherTops() []directory.EnvironmentDocument {
	return slices.DeleteFunc(slices.Clone(b.Tops), func(e directory.EnvironmentDocument) bool {
		return len(b.Way) > 0 && e.ID == b.Way[0].ID
	})
}

// placeAddress is the page of a place, at a tab of it.
func placeAddress(id domain.EnvironmentID, tab string) string {
	return at("place", "id", numberOf(id), "tab", tab)
}

// opened is the address of the tree opened at a place.
func opened(id domain.EnvironmentID) string { return at("tree", "open", numberOf(id)) }

// closing are the attributes of a link that closes a node of the way: the part of the page of that node alone takes its
// place.
func (b *branch) closing(e *directory.EnvironmentDocument) templ.OrderedAttributes {
	node := "#" + nodeOf(e.ID)
	return templ.OrderedAttributes{
		{Key: "hx-get", Value: at("tree", "open", numberOf(e.ID), "closed", "1")},
		{Key: "hx-target", Value: node}, {Key: "hx-select", Value: node}, {Key: "hx-swap", Value: "outerHTML"},
		{Key: "hx-push-url", Value: b.upTo(e)},
	}
}

// nodeOf returns what the node of a place is called on the page.
func nodeOf(id domain.EnvironmentID) string { return "b-" + numberOf(id) }

// upTo returns the address of the tree as it is when a node of it is closed: opened at the one above.
func (b *branch) upTo(e *directory.EnvironmentDocument) string {
	if above, there := e.Parent.Get(); there && above != e.ID {
		return opened(above)
	}
	return at("tree", "open", numberOf(e.ID), "closed", "1")
}
