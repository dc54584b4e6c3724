package domain

// FavouriteList is one of the lists of names that people keep for themselves.
type FavouriteList uint8

// The lists. The names of the first two are full names of topics.
const (
	FavouriteTopics FavouriteList = iota
	MutedTopics                   // whose news is not wanted
	FavouriteTags
)

var favouriteLists = []string{"favouritetopics", "silencedtopics", "favouritetags"}

// Favourites are the lists of one user, each in the order in which the names were added.
type Favourites [FavouriteTags + 1][]string

// MaxFavourites is how many names one list of a user can have.
const MaxFavourites = 1000

// CheckFavourite returns an Invalid error for what cannot be a name of the list.
func CheckFavourite(list FavouriteList, name string) error {
	if list == FavouriteTags {
		return checkName("tag", name)
	}
	return checkName("topic", name)
}

// Errors about lists of names.
var (
	ErrAlreadyFavourite = &Error{Kind: Conflict, Code: "marked", Field: "name",
		Public: "This is on the list already."}
	ErrNotFavourite = &Error{Kind: NotFound, Code: "not_marked", Field: "name",
		Public: "This is not on the list."}
	ErrTooManyFavourites = &Error{Kind: Conflict, Code: "marks_too_many", Field: "name",
		Public: "There are too many names on this list; remove one first."}
)
