package domain

// Page says which part of a list is wanted.
type Page struct {
	// Limit is how many entries at most; 0 is as many as the store reads at once.
	Limit int
	// After is the cursor of the last entry already seen; empty starts at the beginning.
	After Cursor
}

// Cursor marks a place in a list, in a form only the store reads. It goes with the list's
// filter and order; a list returns Invalid, field "after", for another one.
type Cursor string

// MaxLimit is the largest limit of a page. A list without a limit streams.
const MaxLimit = 1000

// ErrCursor reports a cursor that does not belong to the list.
var ErrCursor = &Error{Kind: Invalid, Code: "cursor_invalid", Field: "after",
	Public: "Give the cursor of an answer to this very list."}

// UserFilter narrows a list of users. The zero filter keeps all.
type UserFilter struct {
	// Prefix keeps users whose alias, first name, last name or mail begins with it,
	// compared by Fold.
	Prefix string
	Role   Role    // 0 keeps all
	Group  GroupID // 0 keeps all; else the members of that group
	Active *bool   // nil keeps all
	// Conditions are further ones.
	Conditions Conditions
	Order      UserOrder
}

// Plain reports whether the filter keeps all users.
func (f *UserFilter) Plain() bool {
	return f.Prefix == "" && f.Role == 0 && f.Group == 0 && f.Active == nil && len(f.Conditions.All) == 0
}

// UserOrder is the order of a list of users.
type UserOrder uint8

// The orders. Ties are broken by the user's number.
const (
	TreeOrder UserOrder = iota // by place in the tree, then number
	AliasOrder
	AliasOrderDescending
	NumberOrder
	NumberOrderDescending
)

var userOrders = []string{"tree", "alias", "-alias", "userid", "-userid"}

// ParseUserOrder reads the name of an order; the empty name is TreeOrder.
func ParseUserOrder(s string) (UserOrder, error) {
	if s == "" {
		return TreeOrder, nil
	}
	for i, name := range userOrders {
		if name == s {
			return UserOrder(i), nil
		}
	}
	return 0, InvalidField("sort", "Give one of tree, alias, -alias, userid and -userid.")
}
