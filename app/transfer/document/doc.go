// Package document reads and writes the formats in which organizations travel: the directory document as
// JSON, tables of users as CSV, and lists of environments as text. It knows neither a store nor a scope.
//
// The document has one record a line, so that a bad one can be named by its line:
//
//	{"canopy": "directory/1", "organizations": [
//	{"path": "/", "environments": [
//	{"path": "/", "number": 1, …}
//	], "groups": [
//	{"alias": "Root", "number": 1, …}
//	], "users": [
//	{"alias": "admin", "number": 1, …}
//	]}
//	], "pictures": [
//	{"user": "admin", "jpeg": "…"}
//	], "objects": [
//	{"environment": "/", "id": "…", "kind": "topic", …}
//	]}
//
// Environments are named by their complete alias path and groups by alias, the root's with
// a slash before it; in the lists behind the organizations users are named by login name and
// objects by UUID. domain.DirectoryLists says which lists there are, in which order they are
// written, and what their columns mean; those without rows are left out.
package document
