package domain

// MarkList is one of the lists of names that people keep for themselves.
type MarkList uint8

// The lists. The names of the first two are full names of topics.
const (
	FavouriteTopics MarkList = iota
	SilencedTopics           // whose news is not wanted
	FavouriteTags
)

var markLists = []string{"favouritetopics", "silencedtopics", "favouritetags"}

// Marks are the lists of one user, each in the order in which the names were added.
type Marks [FavouriteTags + 1][]string

// MaxMarks is how many names one list of a user can have.
const MaxMarks = 1000

// CheckMark returns an Invalid error for what cannot be a name of the list.
func CheckMark(list MarkList, name string) error {
	if list == FavouriteTags {
		return checkName("tag", name)
	}
	return checkName("topic", name)
}

// Errors about lists of names.
var (
	ErrMarked = &Error{Kind: Conflict, Code: "marked", Field: "name",
		Public: "This is on the list already."}
	ErrNotMarked = &Error{Kind: NotFound, Code: "not_marked", Field: "name",
		Public: "This is not on the list."}
	ErrTooManyMarks = &Error{Kind: Conflict, Code: "marks_too_many", Field: "name",
		Public: "There are too many names on this list; remove one first."}
)
