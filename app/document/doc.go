// Package document reads and writes the directory document, the JSON in which whole
// organizations travel, and tables of users and lists of environments as CSV and text. It
// knows what is written where; what it means is for usecase.Directory.
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
//	]}
//
// Environments are named by their complete alias path and groups by alias, the root's with
// a slash before it. Hashes of passwords are in it only if they were asked for.
package document
