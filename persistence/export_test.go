package persistence

import "canopy/domain"

// ListedColumns returns the columns that the lists of the directory document keep, by table.
func ListedColumns() map[string][]string {
	listed := make(map[string][]string)
	for _, info := range domain.DirectoryLists {
		t := listTables[info.Name]
		listed[t.name] = append(listed[t.name], t.columns()...)
	}
	return listed
}

// ReadingMembers returns the store with other sizes of what it reads at once.
func ReadingMembers(s *GroupStore, few int64, page int) *GroupStore {
	return &GroupStore{db: s.db, few: few, page: page}
}
