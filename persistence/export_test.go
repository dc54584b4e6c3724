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
