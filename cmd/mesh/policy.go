package main

// policyCmd groups the commands about policies.
type policyCmd struct {
	Test policyTestCmd `cmd:"" help:"Try policies out on cases; nothing changes."`
}
