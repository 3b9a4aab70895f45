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
//  1. the product exists, is active and described as wanted;
//  2. every wanted price exists, is active and holds its lookup key. A price with other terms is a new price,
//     which takes the key from its predecessor in the call that creates it, so a key is never on two prices
//     and never on none;
//  3. the product's default is the wanted price;
//  4. only then is any other active price of this Plan archived. A predecessor thus stays purchasable until its
//     successor can be bought.
//
// # Why it ends
//
// Give a state the measure (product wrong, wanted prices without a right current price, default wrong, active
// prices that are not current). Each operation that Next names lowers one component and raises none before it:
// creating or repairing a price lowers the second, and archiving touches only prices that no wanted name chose.
// The executor also stops when an operation repeats, which happens only if the provider does not do what it
// acknowledged.
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
