// Command canopy runs the server and works on its directory. It turns flags and
// environment variables into an app.Config; what happens then happens in package app.
//
// Every flag of a command can also be given as an environment variable: --database-url is
// CANOPY_DATABASE_URL. Flags win. Secrets have no flags: CANOPY_ADMIN_PASSWORD,
// CANOPY_SERVER_KEY and CANOPY_PASSWORD, each also as a file named by the same name with
// _FILE behind it.
package main
