// Package archive reads and writes the file of a backup: the embedded database with the
// server's key, without which nobody could open what is sealed in it. What is in the
// database is not for this package to know.
//
// The file is a tar archive (POSIX.1-2001) of these entries in this order, so that tar can
// take it apart where Canopy is not at hand:
//
//	manifest.json  what the file is: its format, the version that wrote it, the schema, the
//	               time, and the size and SHA-256 of the database
//	server.key     the server's key; missing if the directory has none yet
//	canopy.db      the database
package archive
