// Package accounts holds how accounts are made, opened and kept: sign-up and invitations, mail
// addresses and passwords that are to be proven, sessions and the keys that sign them, API keys,
// registration codes, and the limits that strangers meet. What is known of a user beside that is for
// package directory, on which it builds; how a password or a token is checked is for package authn.
//
// Decisions:
//
//   - Where a product's document has a confirmation of a mail address, the address changes with the
//     secret that was sent to the new one, and with the password.
//   - Two registrations with one address that overlap leave no password: who proves the address
//     cannot be told from who chose a password first.
//   - Mail that strangers cause is limited by where they are first, then by address and overall,
//     and what is refused uses up nothing further. An address that had enough is passed over in
//     silence where the address is the account's own.
//   - A device is what begins a session, by whatever door: the pages, a product's sign-in, a passkey, a
//     provider. A password or key that comes with each request is a program's and none; nor is a session
//     whose user has still to prove a factor. It is known if both its network and the readable name of its
//     browser are: an update of the browser is no news, and a stolen password used from elsewhere is. Who
//     was never seen is told of nothing, so that the first sign-in, and the first after an update from a
//     version that did not look, is silent.
//   - Who has no password has nothing to type before they change what they sign in by: a sign-in of the last
//     five minutes stands in, by their provider or a factor, and in a session with a cookie, so that a token or
//     key that leaks adds no factor. When that was is what the provider says (auth_time): a session there may
//     be old, so one that does not say proves nothing that has to be fresh. Where a fresh proof is asked for,
//     the pages send people to the provider to sign in there anew (prompt and max_age), and who comes back
//     without having done so is sent away.
//   - A domain's proof is looked for by those who administer it, by the server once a day, and by one of those
//     who are about to be let in to an account by an old one. Nobody else waits for DNS, and who previews or
//     signs in otherwise asks nothing of it.
//   - Of a demand that counts later people are told by the server itself, a hundred in one transaction with
//     the note of how far that is: a server that dies in between has told nobody twice. They fill
//     up to 500 waiting mails and no more, so that a link somebody waits for is not behind an
//     announcement. A demand that is changed is announced again, but not within a day of the
//     announcement before: whoever changes it back and forth fills nobody's mailbox.
package accounts
