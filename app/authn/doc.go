// Package authn finds out who is asking: one credential scheme a file, each from what a
// request carries to a domain.Principal. It also hashes passwords, slows down guessing
// and notes when people were seen. What a principal may do is none of its business.
//
// Every way in ends at the same two questions, asked of the user's row as it is at the
// beginning of the request: may this account be used, and are these credentials still
// the ones it has? Nothing remembered can answer for the row.
//
// Decisions:
//
//   - HTTP Basic with argon2id on every request would cost about 50 ms. A pair of name
//     and password that was verified is remembered as an HMAC under a key of this process
//     together with the user's epoch, so a changed password or a revoked user is refused
//     at once; wrong ones are not remembered.
//   - A failed sign-in is counted before the password is looked at and taken back after a
//     success, so that many guesses at once cannot overtake the count.
//   - Work on passwords is done in turns: next is whoever's account and network had theirs the
//     longest time ago, so that a flood waits for itself. A full queue refuses who has most in it.
//   - Who proved a password, a passkey or to a provider who they are is judged first, and noted behind that in one
//     place (Passwords.Enter), whatever the door: when they signed in, from where, and by what password. Of whoever is
//     refused, or has still to prove a factor, the audit trail has that the password was right, and nothing is kept.
//   - Sign-ins are counted in memory and written into the audit trail every two seconds, at the end,
//     and before somebody reads it: they wait for nothing, and a flood of wrong ones writes few rows.
//     A server that is killed forgets two seconds of them.
//   - Nobody can lock somebody else out: waiting is imposed on a name from one address, and no
//     limit holds for an address from which that user has signed in before. Others may be at that
//     address too; where they guess, what comes from there is looked at one after the other, five
//     wrong ones a second, and what is remembered of good passwords waits with it, or it would
//     say which guess is right. A secret that devices keep would tell them apart, but most clients
//     of the surfaces keep none.
//   - A name that is guessed at from many addresses is slowed down for those that have tried: each
//     has three attempts a day, then all share one in ten seconds. Somebody with n addresses has
//     560 guesses an hour and three for each address a day.
//   - Tokens are JWTs of the type at+jwt, signed with Ed25519, so that others can check them by a
//     public key. They have the claims of the published sample, because clients read them; what
//     we rely on is the row of the session they belong to.
//   - The name of a token's key says what the signature is, and the token's own word for it (alg)
//     must agree: a public key can never be taken for a secret one. A name without a kind is of
//     HMAC, with which tokens were signed that are still out there; they live for up to a year.
//   - A token names the server that issued it and the surfaces on which it is good; one of before
//     names neither and is good on all.
//   - The key that signs tokens follows from the server's key and a name, which is in the
//     token's header. Names are stored, keys are not; any name gives a key, so a forged one
//     fails at its signature without a look-up, and a server that has never met a name needs
//     no news of it. Whether the name is good is read in the statement that reads the
//     session, so a revoked key is refused at once everywhere.
//   - Refresh tokens and cookies say whose they are and carry a keyed hash of what they say:
//     forged ones cost no look-up, and a refresh token that was used long ago is still known
//     for one of ours, without keeping a list of them.
//   - A refresh token that was used ends its session when it comes again, except the last one
//     within ten seconds, which is refused and changes nothing: clients repeat a request of
//     which they missed the answer, and send it from two tabs at once. A repeat is never given
//     tokens.
//   - The CSRF token follows from the session under a key of ours. It is compared for methods
//     that are not safe, after the cookie was found good.
//   - An API key and a name with its password may come together, as clients of Ethersource
//     send them: then both must be right and of the same user, so that a revoked key is
//     refused whatever comes with it.
//   - What an account needs beside what a request proved is judged in one place behind all schemes
//     (demands.go), so that no door leaves out a second factor. What environments ask of sign-ins is
//     remembered by the version of all rules, which is read with the account: where there are no rules
//     that costs nothing, and a change of any costs everybody one look-up by key.
//   - A new password does not revoke API keys: programs go on while people change theirs.
//     Keys are listed and revoked one by one.
package authn
