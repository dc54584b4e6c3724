// Package transfer moves whole organizations in and out of a directory: import and export with the
// formats in which they travel, the directory document as JSON, tables of users as CSV, and lists of
// environments as text. It is for whoever works on the directory itself: it asks for no caller, and
// names its operator in the audit trail. The rules of users, groups and environments are those of
// package directory, on which it builds.
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
//
// The document holds everything of the directory but sessions (with the keys that sign them),
// links and mail under way, what was counted and seen of sign-ins, and the audit trail. A test
// of persistence holds that: a table that is added is either in it or among the exceptions.
// What opens something is in it only if it was asked for, in plain text, because where it is
// stored it is hashed or sealed under the server's key: hashes of passwords, API keys and
// registration codes. What is imported is sealed anew, under the key of the importing server.
package transfer
