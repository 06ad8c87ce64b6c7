// Package policy decides by conditions what roles cannot say: which queue,
// from which address, at which hour. A tenant's policies are texts in the
// Cedar language (https://docs.cedarpolicy.com); docs/policies.md has the
// words that they may use and worked examples.
//
//	roles    policies of the tenant          outcome
//	any      a forbid applies                denied
//	any      a forbid cannot be evaluated    denied
//	allow    no forbid applies               allowed
//	deny     a permit applies                allowed, if identity.MayPermit says so
//	deny     no permit applies               denied; one that cannot be evaluated
//	                                         does not apply
//
// Two things are out of reach of policies: what everybody may do about
// themselves (self.read, self.manage), and policy.manage of super admins and
// tenant admins, so that nobody can lock everybody out. The mesh's own work is
// not asked about at all. The order of policies never matters.
package policy
