// Package vectors keeps the vectors of what was said, so that past conversations can be searched by meaning without encoding
// them again: a Keeper remembers what the live path encodes anyway, and a Cache answers from what is remembered.
//
// It decides the stored form. Where the vectors lie is the business of a Table.
package vectors
