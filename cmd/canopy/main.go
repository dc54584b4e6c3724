package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"canopy/domain"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// The live heap is small, so the default would collect every few requests.
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "canopy:", explain(err))
		os.Exit(1)
	}
}

// explain returns the one line that says what went wrong.
func explain(err error) string {
	var known *domain.Error
	if !errors.As(err, &known) {
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
	line := known.Public
	if known.Field != "" {
		line = known.Field + ": " + line
	}
	if known.Kind == domain.Internal || known.Kind == domain.Unavailable {
		if cause := known.Unwrap(); cause != nil {
			line += " (" + strings.ReplaceAll(cause.Error(), "\n", " ") + ")"
		}
	}
	return line
}

// command returns the program with all its commands.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "canopy",
		Short: "Keep the users of many organizations, and decide who may do what, where",
		Long: "Canopy is one server that keeps the users of many organizations, each with its own tree of\n" +
			"environments, and decides who may do what, where.\n\n" +
			"Every flag is also an environment variable: --database-url is CANOPY_DATABASE_URL. Flags win.",
		Example:           "  canopy serve --demo\n  canopy import people.csv --create-environments\n  canopy explain --user grace.hopper --permission user:update --environment Acme/Prod",
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return fromEnvironment(c.Flags()) },
	}
	root.AddCommand(serveCommand(), migrateCommand(), importCommand(), exportCommand(), backupCommand(), restoreCommand(), userCommand(), keysCommand(), explainCommand(), versionCommand())
	completeHelp(root)
	return root
}

// variable returns the name of the environment variable that a flag also is.
func variable(f *pflag.Flag) string {
	return "CANOPY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// fromEnvironment gives each flag that was not given the value of its variable.
func fromEnvironment(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := variable(f)
		value, given := os.LookupEnv(name)
		if !given || f.Changed || f.Name == "help" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", name, err)
		}
	})
	return failed
}

// secret returns the value of an environment variable, or of the file that the variable
// with _FILE behind its name names. It is empty if there is neither; a file must have one.
func secret(name string) (string, error) {
	if value := os.Getenv(name); value != "" {
		return value, nil
	}
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s_FILE: %s is empty", name, path)
	}
	return value, nil
}
