// Package sharddb says what a directory would be asked on a database that is split over many machines by
// organization. It keeps the statements that tests send (Watch), and has the same tables in parts, by
// PARTITION BY HASH, on one PostgreSQL (Split): the plan of a statement there names the parts it goes to,
// which are the shards that it would ask. No data is needed for that.
package sharddb
