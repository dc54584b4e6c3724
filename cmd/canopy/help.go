package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completeHelp makes the help of every command say all there is: the variable of each flag,
// and examples of the commands that come with cobra too. A group of commands refuses a name
// that is none of them.
func completeHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short, c.Run, c.RunE = "Show the help of a command", nil, showHelp
			c.Example = "  canopy help\n  canopy help user create"
		case "completion":
			c.Example = "  canopy completion bash\n  canopy completion zsh --no-descriptions"
			for _, shell := range c.Commands() {
				shell.Example = "  canopy completion " + shell.Name() + " > canopy-completion"
			}
		}
	}
	describe(root)
}

// showHelp shows the help of the command that args name.
func showHelp(c *cobra.Command, args []string) error {
	about, rest, err := c.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("unknown command %q for %q", strings.Join(args, " "), c.Root().Name())
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}

func describe(c *cobra.Command) {
	name := func(f *pflag.Flag) { f.Usage += " [" + variable(f) + "]" }
	c.LocalNonPersistentFlags().VisitAll(name)
	c.PersistentFlags().VisitAll(name)
	if c.HasSubCommands() && c.HasParent() {
		c.Args, c.RunE = cobra.NoArgs, func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range c.Commands() {
		describe(sub)
	}
}
