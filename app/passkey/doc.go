// Package passkey speaks WebAuthn (Level 3) with browsers: it writes by what they make and prove passkeys, and reads
// what they answer. The library does the ceremonies; here is what this server asks of them:
//
//   - A passkey can be found by the browser without a name (discoverable), and its authenticator verifies the user by a
//     PIN or a finger: a passkey is two factors by itself.
//   - The name by which passkeys are bound to the server (RP ID) is the host of its public URL. Without one that is a
//     name there are no passkeys.
//   - A user handle is the organization and the user as two numbers of 64 bits: it is known where to look, and it tells
//     nobody who that is.
//   - No attestation is asked for: which makes of authenticators are good is nothing that an open directory knows.
//   - A signature count that goes back, or whether a passkey can be backed up other than when it was made, refuses it.
package passkey
