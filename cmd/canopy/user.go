package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"canopy/app"
	"canopy/app/directory"
	"canopy/app/transfer/document"
	"canopy/domain"
)

func userCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	c := &cobra.Command{
		Use:   "user",
		Short: "Work on single users",
		Long: "Work on single users, also while the server runs. Passwords are asked for at the terminal, or taken\n" +
			"from CANOPY_PASSWORD, CANOPY_PASSWORD_FILE or, with --generate, made and shown once.",
		Example: "  canopy user show grace.hopper\n  canopy user set-password grace.hopper --generate",
	}
	directoryFlags(c.PersistentFlags(), &cfg)
	c.AddCommand(userCreateCommand(&cfg), userPasswordCommand(&cfg), userShowCommand(&cfg),
		userSwitchCommand(&cfg, "activate", "Let a user sign in again", true),
		userSwitchCommand(&cfg, "deactivate", "Keep a user from signing in", false),
		userDeleteCommand(&cfg))
	return c
}

// operate runs work with the operator's rights, in a directory that is there.
func operate(ctx context.Context, cfg *app.Config, work func(*app.Directory, domain.Principal) error) error {
	return operateIn(ctx, cfg, app.WithDirectory, work)
}

func operateIn(ctx context.Context, cfg *app.Config,
	within func(context.Context, app.Config, func(*app.Directory) error) error,
	work func(*app.Directory, domain.Principal) error) error {
	if err := secrets(cfg); err != nil {
		return err
	}
	return within(ctx, *cfg, func(d *app.Directory) error {
		caller, err := d.Operator(ctx)
		if err != nil {
			return err
		}
		return work(d, caller)
	})
}

func userCreateCommand(cfg *app.Config) *cobra.Command {
	var first, last, mail, environment, role, group string
	var generate bool
	c := &cobra.Command{
		Use: "create ALIAS", Short: "Create a user; the first one of a directory becomes its superUser",
		Example: "  canopy user create grace.hopper --environment Acme --role oadmin --group Admin --generate",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			password, shown, err := newPassword(c.Context(), c.ErrOrStderr(), generate)
			if err != nil {
				return err
			}
			r, err := domain.ParseRole(role)
			if err != nil {
				return flagged(err)
			}
			home, g := domain.EnvironmentRef(environment), domain.GroupRef(group)
			in := directory.UserPatch{Alias: &args[0], Password: &password, FirstName: &first, LastName: &last, Mail: &mail,
				Home: &home, Role: &r, Group: &g}
			if first == "" {
				in.FirstName = &args[0]
			}
			return operateIn(c.Context(), cfg, app.WithNewDirectory, func(d *app.Directory, caller domain.Principal) error {
				created, err := d.Users.CreateFirst(c.Context(), caller, in)
				if err != nil {
					return flagged(err)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s has number %d and the role %s\n", created.Alias, created.ID, created.Role)
				if shown {
					fmt.Fprintf(c.OutOrStdout(), "password: %s\n", password)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&first, "firstname", "", "first name; the alias if empty")
	c.Flags().StringVar(&last, "lastname", "", "last name")
	c.Flags().StringVar(&mail, "mail", "", "mail address")
	c.Flags().StringVar(&environment, "environment", "/", "home: number, alias or path")
	c.Flags().StringVar(&role, "role", "user", "user, power, oadmin or superUser")
	c.Flags().StringVar(&group, "group", "User", "group: number or alias")
	c.Flags().BoolVar(&generate, "generate", false, "make a password and show it once")
	return c
}

// flagged names the flag that an error is about, where it is about one.
func flagged(err error) error {
	names := map[string]string{"home": "--environment", "role": "--role", "group": "--group",
		"person.first_name": "--firstname",
		"person.last_name":  "--lastname", "person.mail": "--mail"}
	e := domain.AsError(err)
	if name := names[e.Field]; name != "" {
		return e.On(name)
	}
	return err
}

func userPasswordCommand(cfg *app.Config) *cobra.Command {
	var generate bool
	c := &cobra.Command{
		Use: "set-password ALIAS", Short: "Give a user another password, which ends their sessions",
		Example: "  canopy user set-password admin\n  CANOPY_PASSWORD_FILE=/run/secrets/pw canopy user set-password admin",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			password, shown, err := newPassword(c.Context(), c.ErrOrStderr(), generate)
			if err != nil {
				return err
			}
			if err := updateUser(c.Context(), cfg, args[0], directory.UserPatch{Password: &password}); err != nil {
				return err
			}
			if shown {
				fmt.Fprintf(c.OutOrStdout(), "password: %s\n", password)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&generate, "generate", false, "make a password and show it once")
	return c
}

func userSwitchCommand(cfg *app.Config, verb, short string, active bool) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ALIAS", Short: short, Example: "  canopy user " + verb + " grace.hopper", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return updateUser(c.Context(), cfg, args[0], directory.UserPatch{Active: &active})
		},
	}
}

func updateUser(ctx context.Context, cfg *app.Config, alias string, in directory.UserPatch) error {
	return operate(ctx, cfg, func(d *app.Directory, caller domain.Principal) error {
		_, err := d.Users.Update(ctx, caller, directory.UpdateUser{User: domain.UserRef{Alias: alias}, UserPatch: in})
		return err
	})
}

func userShowCommand(cfg *app.Config) *cobra.Command {
	return &cobra.Command{
		Use: "show ALIAS", Short: "Show a user", Example: "  canopy user show grace.hopper", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				user, err := d.Users.Get(c.Context(), caller, directory.GetUser{User: domain.UserRef{Alias: args[0]}})
				if err != nil {
					return err
				}
				home, err := d.Environments.Get(c.Context(), caller, domain.NumberRef(user.Home))
				if err != nil {
					return err
				}
				writeUser(c.OutOrStdout(), &user, &home.Environment)
				return nil
			})
		},
	}
}

// writeUser shows a user in the words of documents, by names and paths where others see numbers.
func writeUser(out io.Writer, user *directory.UserDocument, home *domain.Environment) {
	var groups []string
	for g := range user.AllGroups() {
		groups = append(groups, g.Alias)
	}
	named := map[string]string{
		"home": pathOf(home), "group": strings.Join(groups, ", "), "allowed": pathsOf(user.AllowedShown),
		"blocked": pathsOf(user.BlockedShown),
	}
	fmt.Fprintf(out, "%-20s %d\n%-20s %s\n", "number", user.ID, "id", user.UUID)
	for _, f := range user.Fields() {
		if text, ok := named[f.Name]; ok {
			f.Value = text
		}
		fmt.Fprintf(out, "%-20s %s\n", document.Field(f.Name), f.Value)
	}
}

func pathOf(e *domain.Environment) string {
	return cmp.Or(e.AliasPath, "/")
}

func pathsOf(es []directory.EnvironmentShown) string {
	paths := make([]string, len(es))
	for i, e := range es {
		paths[i] = pathOf(e.Environment)
	}
	return strings.Join(paths, ", ")
}

func userDeleteCommand(cfg *app.Config) *cobra.Command {
	return &cobra.Command{
		Use: "delete ALIAS", Short: "Delete a user with everything that is theirs",
		Example: "  canopy user delete grace.hopper", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return operate(c.Context(), cfg, func(d *app.Directory, caller domain.Principal) error {
				return d.Users.Delete(c.Context(), caller, directory.DeleteUser{User: domain.UserRef{Alias: args[0]}})
			})
		},
	}
}

// newPassword returns a password: made, from the environment, or asked for twice at the
// terminal. shown says that nobody has seen it yet.
func newPassword(ctx context.Context, prompt io.Writer, generate bool) (password string, shown bool, err error) {
	if generate {
		return rand.Text(), true, nil
	}
	if password, err = secret("CANOPY_PASSWORD"); err != nil || password != "" {
		return password, false, err
	}
	stdin := int(os.Stdin.Fd())
	if !term.IsTerminal(stdin) {
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) || line == "" {
			return "", false, errors.New("no password: set CANOPY_PASSWORD, give one on standard input, or use --generate")
		}
		return strings.TrimRight(line, "\r\n"), false, nil
	}
	once, err := ask(ctx, prompt, "New password: ")
	if err != nil {
		return "", false, err
	}
	again, err := ask(ctx, prompt, "Again: ")
	if err == nil && once != again {
		err = errors.New("the passwords differ")
	}
	return once, false, err
}

// ask asks at the terminal for something that is not shown, until ctx ends.
func ask(ctx context.Context, prompt io.Writer, question string) (string, error) {
	stdin := int(os.Stdin.Fd())
	before, err := term.GetState(stdin)
	if err != nil {
		return "", err
	}
	defer term.Restore(stdin, before) //nolint:errcheck // nothing is left to do
	defer fmt.Fprintln(prompt)
	fmt.Fprint(prompt, question)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // ends with the program if nobody answers
		text, err := term.ReadPassword(stdin)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return string(l.text), l.err
	case <-ctx.Done():
		return "", errors.New("interrupted")
	}
}
