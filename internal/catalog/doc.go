// Package catalog makes a provider's products and prices equal to a Plan, one operation at a time.
//
// # Why it is safe to stop anywhere
//
// There is no script of steps. Rules.Next is a pure function that looks at what is wanted and what is there, and
// names the one operation that comes next; the Executor runs it, folds the provider's answer into what is there,
// and asks again. A process that is killed at any point loses nothing but its memory: the next one observes the
// provider afresh and Next continues from the state that the last carried-out operation left.
//
// Next is ordered so that every state in between is safe to sell from:
//
//  1. a product that is archived stays so until none of the plan's prices under it is active that should not be sold;
//  2. the product exists, is active and described as wanted;
//  3. one wanted price after the other, the default first, becomes right: it exists, is active and holds its lookup
//     key; and if it is the default, the product points at it. A price with other terms is a new price, which takes the
//     key from its predecessor in the call that creates it, so a key is never on two prices and never on none;
//  4. the predecessors of those that are right are archived. Before that, Archiving tells whoever sells them of all
//     their successors, and nothing is archived while it cannot: between the two, both can be bought;
//  5. when every wanted price is right, the plan's other active prices are archived: those of names that are gone.
//
// # Why it ends
//
// Give a state the measure (active prices under an archived product that are not wanted, product wrong, wanted prices
// without a right current price, default wrong, active prices that are not current). Each operation that Next names
// lowers one component and raises none before it: a key that a price keeps goes to one name, which heldKeys decides
// from what no operation of Next changes, so no two names take it from each other; and archiving touches only prices
// that no wanted name chose. The executor also stops when it would send the same operation twice, which happens only
// if the provider does not do what it acknowledged.
//
// # What a refusal holds up
//
// An operation that the provider refuses for good is skipped, with all that depends on it: a name whose new price is
// refused keeps its old one on sale, and nothing is archived whose place it might take. The other names go on. The
// refusal is remembered (Refusals) and not provoked again until something changes.
//
// # Why nothing is created twice
//
// Every create is preceded by a fresh observation of the owner's objects. With idempotent creates
// (Traits.IdempotentCreate) a create whose answer was lost is repeated under the same key, derived from owner,
// operation and specification, and the provider returns the first object. Without them the intent is written to
// the Journal before the create is sent; while it is there and the provider's lists may still lack the object
// (Traits.ListSettle), the create is not repeated. A duplicate that is made nevertheless, by two operators at
// once, carries the same marks: the next observation sees both, Next keeps one and archives the other.
package catalog
