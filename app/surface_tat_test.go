package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
)

// tatAnswer is what Tat's surface answers to somebody of the tests' people.
func tatAnswer(t *testing.T, client *fasthttp.Client, base, login, method, path, body string) (int, string) {
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(base + path)
	req.Header.SetMethod(method)
	req.Header.Set("Tat_username", login)
	req.Header.Set("Tat_password", testPassword)
	if body != "" {
		req.Header.SetContentType("application/json")
		req.SetBodyString(body)
	}
	if err := client.Do(req, res); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return res.StatusCode(), string(res.Body())
}

// TestTatEndsLines holds that whatever Tat answers in JSON is a line.
func TestTatEndsLines(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	for _, path := range []string{"/user/me", "/users", "/users?username=nobody", "/topics", "/groups", "/version"} {
		status, body := tatAnswer(t, &fasthttp.Client{}, w.Address(), "acme.admin", "GET", path, "")
		require.Equal(t, 200, status, body)
		require.True(t, strings.HasSuffix(body, "}\n") && strings.Count(body, "\n") == 1, "%s: %q", path, body)
	}
}

// TestTatTogether lets 64 clients add and remove the favourites, contacts, presences and groups
// of the same few people at once. Each answer is one that the request can have alone, and in the
// end nothing is there twice.
func TestTatTogether(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		client := &fasthttp.Client{MaxConnsPerHost: 64}
		people := []string{"acme.admin", "acme.power", "acme.user"}
		for _, login := range people { // each password is verified once
			status, body := tatAnswer(t, client, w.Address(), login, "GET", "/user/me", "")
			require.Equal(t, 200, status, body)
		}
		status, body := tatAnswer(t, client, w.Address(), "acme.admin", "PUT", "/user/check",
			`{"username":"acme.power","fixPrivateTopics":true}`)
		require.Equal(t, 201, status, body)
		actions := []struct {
			method, path, body string
			fine               []int
		}{
			{"POST", "/user/me/tags/tag", "", []int{201, 409}},
			{"DELETE", "/user/me/tags/TAG", "", []int{200, 404}},
			{"POST", "/user/me/topics/Private/acme.power", "", []int{201, 400, 409}},
			{"DELETE", "/user/me/topics/Private/acme.power", "", []int{200, 404}},
			{"POST", "/user/me/disable/notifications/topics/t", "", []int{201, 409}},
			{"POST", "/user/me/disable/notifications/alltopics", "", []int{201}},
			{"POST", "/user/me/enable/notifications/alltopics", "", []int{201}},
			{"POST", "/user/me/contacts/acme.user", "", []int{201, 400, 409}},
			{"POST", "/user/me/contact/acme.power", "", []int{201, 400, 409}},
			{"DELETE", "/user/me/contacts/acme.user", "", []int{200, 404}},
			{"POST", "/presenceget/Private/acme.power", `{"status":"busy"}`, []int{200, 400}},
			{"PUT", "/group/add/user", `{"groupname":"Acme team","username":"acme.user"}`, []int{201, 403, 409}},
			{"PUT", "/group/remove/user", `{"groupname":"Acme team","username":"acme.user"}`, []int{200, 403, 409}},
			{"PUT", "/topic/add/rwuser", `{"topic":"/Talk","username":"acme.user","recursive":true}`, []int{201, 400, 403}},
			{"PUT", "/topic/remove/rwuser", `{"topic":"/Talk","username":"acme.user","recursive":true}`, []int{200, 400, 403}},
			{"POST", "/presenceget/Talk", `{"status":"busy"}`, []int{200, 400}},
			{"DELETE", "/presences/Talk", "", []int{200, 400}},
			{"GET", "/user/me", "", []int{200}},
		}
		rounds := 12
		if testing.Short() {
			rounds = 4
		}
		var clients sync.WaitGroup
		for n := range 64 {
			clients.Go(func() {
				for round := range rounds {
					a := actions[(n*7+round*5)%len(actions)]
					status, body := tatAnswer(t, client, w.Address(), people[(n+round)%len(people)], a.method, a.path, a.body)
					if !slices.Contains(a.fine, status) {
						t.Errorf("%s %s: %d %s", a.method, a.path, status, body)
					}
				}
			})
		}
		clients.Wait()
		for _, login := range people {
			status, body := tatAnswer(t, client, w.Address(), login, "GET", "/user/me", "")
			require.Equal(t, 200, status)
			var me struct {
				User struct {
					Groups, FavoritesTopics, OffNotificationsTopics, FavoritesTags []string
					Contacts                                                       []struct{ Username string }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(body), &me))
			lists := map[string][]string{"groups": me.User.Groups, "topics": me.User.FavoritesTopics,
				"off": me.User.OffNotificationsTopics, "tags": me.User.FavoritesTags}
			for _, c := range me.User.Contacts {
				lists["contacts"] = append(lists["contacts"], c.Username)
			}
			for name, list := range lists {
				require.Len(t, slices.Compact(slices.Sorted(slices.Values(list))), len(list), "%s of %s: %v", name, login, list)
			}
			require.NotEmpty(t, me.User.Groups)
		}
	})
}

// namedPeople is what the model of renaming and archiving knows of a person.
type namedPeople struct {
	topics   []string // full names, of those that are the person's
	archived bool
}

// TestRenameAndArchive renames and archives people whose names begin alike, at random, and
// holds everything that goes by their names against a plain model.
func TestRenameAndArchive(t *testing.T) {
	setChecks(t, 20)
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		organizations := 0
		rapid.Check(t, func(rt *rapid.T) {
			organizations++
			place := fmt.Sprintf("Names%d", organizations)
			s.organization(t, place)
			operator, err := s.Operator(t.Context())
			require.NoError(t, err)
			admin, watcher := s.as(t, strings.ToLower(place)+".admin"), s.as(t, strings.ToLower(place)+".admin")
			prefix := fmt.Sprintf("n%d", organizations)
			names := []string{"bob", "bobby", "bob2", "BOB", "b", "bob.notes"}
			model := map[string]*namedPeople{}
			taken := func(name string) string {
				for there := range model {
					if domain.Fold(there) == domain.Fold(name) {
						return there
					}
				}
				return ""
			}
			pick := func() string {
				present := slices.Sorted(maps.Keys(model))
				return rapid.SampledFrom(append(present, prefix+"nobody")).Draw(rt, "who")
			}
			rename := func(from, to string) {
				person := model[from]
				for i, topic := range person.topics {
					person.topics[i] = "/Private/" + to + strings.TrimPrefix(topic, "/Private/"+from)
				}
				delete(model, from)
				model[to] = person
			}
			rt.Repeat(map[string]func(*rapid.T){
				"make": func(rt *rapid.T) {
					name := prefix + rapid.SampledFrom(names).Draw(rt, "name")
					if taken(name) != "" {
						return
					}
					home, password := domain.EnvironmentRef(place), userPassword
					_, err := s.Users.Create(t.Context(), operator,
						directory.UserPatch{Alias: &name, FirstName: &name, Home: &home, Password: &password})
					require.NoError(t, err)
					_, err = s.People.Check(t.Context(), admin, directory.CheckUser{Alias: name, FixTopic: true})
					require.NoError(t, err)
					own := s.as(t, name)
					_, err = s.Topics.Create(t.Context(), own, objects.NewTopic{Name: "/Private/" + name + "/notes"})
					require.NoError(t, err)
					require.NoError(t, s.Social.AddFavourite(t.Context(), watcher,
						objects.Favourite{List: domain.MutedTopics, Name: "/Private/" + name + "/notes"}))
					model[name] = &namedPeople{topics: []string{"/Private/" + name, "/Private/" + name + "/notes"}}
				},
				"rename": func(rt *rapid.T) {
					from, to := pick(), prefix+rapid.SampledFrom(names).Draw(rt, "to")
					err := s.People.Rename(t.Context(), admin, directory.RenameUser{Alias: from, To: to})
					switch there := taken(to); {
					case model[from] == nil:
						require.ErrorIs(t, err, domain.ErrUserNotFound)
					case there != "" && there != from:
						require.ErrorIs(t, err, domain.ErrUserAliasTaken)
					default:
						require.NoError(t, err)
						rename(from, to)
					}
				},
				"archive": func(rt *rapid.T) {
					name := pick()
					err := s.People.Archive(t.Context(), admin, name)
					switch {
					case model[name] == nil:
						require.ErrorIs(t, err, domain.ErrUserNotFound)
					case model[name].archived:
						require.ErrorIs(t, err, domain.ErrArchived)
					default:
						to := fmt.Sprintf("%s$archive$by$admin$%d", name, s.clock.now().Unix())
						if there := taken(to); there != "" {
							require.ErrorIs(t, err, domain.ErrUserAliasTaken)
							return
						}
						require.NoError(t, err)
						model[name].archived = true
						rename(name, to)
					}
				},
				"": func(rt *rapid.T) {
					var wantTopics, wantPeople []string
					for name, person := range model {
						wantTopics = append(wantTopics, person.topics...)
						if !person.archived {
							wantPeople = append(wantPeople, name)
						}
						require.Equal(t, !person.archived, s.signsIn(t, name, userPassword), name)
					}
					topics, err := s.Objects.List(t.Context(), admin, objects.ListObjects{Everywhere: true,
						Filter: domain.ObjectFilter{Kinds: []domain.ObjectKind{domain.KindTopic}, Prefix: "/Private/" + prefix}})
					require.NoError(t, err)
					var gotTopics []string
					for topic, err := range topics.Items {
						require.NoError(t, err)
						gotTopics = append(gotTopics, topic.FullName)
					}
					require.ElementsMatch(t, wantTopics, gotTopics)
					profile, err := s.Social.Profile(t.Context(), watcher)
					require.NoError(t, err)
					var muted []string
					for _, topic := range wantTopics {
						if strings.HasSuffix(topic, "/notes") {
							muted = append(muted, topic)
						}
					}
					require.ElementsMatch(t, muted, profile.Favourites[domain.MutedTopics])
					list, err := s.People.List(t.Context(), admin, directory.ListPeople{})
					require.NoError(t, err)
					var gotPeople []string
					for u, err := range list.Items {
						require.NoError(t, err)
						if strings.HasPrefix(u.Alias, prefix) {
							gotPeople = append(gotPeople, u.Alias)
						}
					}
					require.ElementsMatch(t, wantPeople, gotPeople)
					require.EqualValues(t, len(wantPeople)+2, list.Total)
				},
			})
		})
	})
}

// TestTakenNamesAndAddresses registers as a surface does whose document tells taken names. Of an
// address nothing is told but to its owner, however often somebody asks.
func TestTakenNamesAndAddresses(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		register := func(alias, mail string) error {
			in := ada()
			in.Alias, in.Mail, in.TellTaken, in.Password = alias, mail, true, ""
			_, err := s.Accounts.Register(t.Context(), in)
			return err
		}
		// The same questions of an address that is free and of one that is taken.
		for alias, mail := range map[string]string{"free": "free@example.org", "used": "acme.user@example.org"} {
			require.NoError(t, register(alias, mail))
			require.NoError(t, register(alias, mail), "again")
			require.NoError(t, register(alias, strings.ToUpper(mail)), "in other letters")
			require.ErrorIs(t, register(alias, "third@example.org"), domain.ErrUserAliasTaken)
			require.ErrorIs(t, register("acme.admin", mail), domain.ErrUserAliasTaken)
			kinds := map[string]int{}
			for _, m := range s.mails(t) {
				kinds[m.Kind+" "+domain.Fold(m.To)]++
			}
			if alias == "free" {
				require.Equal(t, map[string]int{"verify " + domain.Fold(mail): 3}, kinds)
			} else {
				require.Equal(t, map[string]int{"mail_taken " + domain.Fold(mail): 3}, kinds)
			}
		}
		require.False(t, s.signsIn(t, "used", ""))
		_, err := s.Accounts.Verify(t.Context(),
			accounts.Redeem{Whose: accounts.Whose{Alias: "used"}, Secret: "x", Source: "192.0.2.1"})
		require.ErrorIs(t, err, domain.ErrSecret, "what is kept is no account")
	})
}

// TestGroupAdmins holds that whoever is an admin of a group lets people in and takes them out as
// far as they work and with nothing that is not theirs, and no longer than they are one.
func TestGroupAdmins(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		ctx, uses := t.Context(), w.directory
		add := func(alias, home string, groups ...domain.GroupRef) {
			ref, mail := domain.EnvironmentRef(home), alias+"@example.org"
			_, err := uses.Users.Create(ctx, w.operator(t),
				directory.UserPatch{Alias: &alias, FirstName: &alias, Mail: &mail, Home: &ref, Groups: &groups})
			require.NoError(t, err)
		}
		add("lead", "Acme/Prod", "User")
		add("peer", "Acme/Prod", "User")
		add("far", "Acme/Test", "User")
		admin := func() domain.Principal { return w.principal(t, "acme.admin") }
		group := func(name string, mask domain.Mask, role domain.Role) domain.GroupRef {
			parent := domain.GroupRef("Admin")
			_, err := uses.Groups.Create(ctx, admin(),
				directory.GroupPatch{Alias: &name, Mask: &mask, Role: &role, Parent: &parent})
			require.NoError(t, err)
			member := directory.GroupMember{Group: domain.GroupRef(name), User: domain.UserRef{Alias: "lead"}}
			require.NoError(t, uses.Groups.AddAdmin(ctx, admin(), member))
			return domain.GroupRef(name)
		}
		groups := func(alias string) (names []string) {
			list, err := uses.Users.Get(ctx, w.operator(t), directory.GetUser{User: domain.UserRef{Alias: alias}})
			require.NoError(t, err)
			for g := range list.AllGroups() {
				names = append(names, g.Alias)
			}
			return names
		}
		lead := func() domain.Principal { return w.principal(t, "lead") }
		plain := group("Plain", domain.TopicRead.Mask(), 0)
		strong := group("Strong", domain.UserUpdate.Mask(), 0)
		leaders := group("Leaders", domain.TopicRead.Mask(), domain.RolePower)
		as := func(g domain.GroupRef, alias string) directory.GroupMember {
			return directory.GroupMember{Group: g, User: domain.UserRef{Alias: alias}}
		}

		require.NoError(t, uses.Users.Admit(ctx, lead(), as(plain, "peer")))
		require.Equal(t, []string{"Plain", "User"}, groups("peer"))
		require.NoError(t, uses.Users.Dismiss(ctx, lead(), as(plain, "peer")))
		require.Equal(t, []string{"User"}, groups("peer"))
		for _, climbing := range []domain.GroupRef{strong, leaders} {
			require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as(climbing, "peer")), domain.ErrClimbing, string(climbing))
		}
		require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as(plain, "lead")), domain.ErrForbidden, "oneself")
		require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as(plain, "far")), domain.ErrUserNotFound,
			"at home where the admin does not work")
		require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as(plain, "bolt.user")), domain.ErrUserNotFound)
		require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as(plain, "acme.power")), domain.ErrHasMore)
		require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as("User", "peer")), domain.ErrForbidden)
		require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as("Bolt team", "peer")), domain.ErrForbidden, "as if it were there")
		require.ErrorIs(t, uses.Users.Admit(ctx, w.principal(t, "peer"), as(plain, "lead")), domain.ErrForbidden)
		require.Equal(t, []string{"User"}, groups("peer"))

		// A group without the permission gives none of it.
		mute := domain.AllPermissions &^ domain.GroupMembers.Mask()
		name, parent := "Mute", domain.GroupRef("User")
		_, err := uses.Groups.Create(ctx, admin(), directory.GroupPatch{Alias: &name, Mask: &mute, Parent: &parent})
		require.NoError(t, err)
		change := func(to domain.GroupRef) {
			_, err := uses.Users.Update(ctx, admin(), directory.UpdateUser{User: domain.UserRef{ID: lead().User},
				UserPatch: directory.UserPatch{Group: &to, Groups: &[]domain.GroupRef{}}})
			require.NoError(t, err)
		}
		change("Mute")
		require.ErrorIs(t, uses.Users.Admit(ctx, lead(), as(plain, "peer")), domain.ErrForbidden)
		change("User")
		require.NoError(t, uses.Users.Admit(ctx, lead(), as(plain, "peer")))

		// It ends with the group, with the user, and when it is taken back.
		require.NoError(t, uses.Groups.RemoveAdmin(ctx, admin(), as(plain, "lead")))
		require.ErrorIs(t, uses.Users.Dismiss(ctx, lead(), as(plain, "peer")), domain.ErrForbidden)
		require.ErrorIs(t, uses.Groups.AddAdmin(ctx, lead(), as(plain, "lead")), domain.ErrForbidden)
		require.ErrorIs(t, uses.Groups.AddAdmin(ctx, admin(), as("Bolt team", "lead")), domain.ErrGroupNotFound)
		require.ErrorIs(t, uses.Groups.AddAdmin(ctx, admin(), as(plain, "bolt.user")), domain.ErrUserNotFound)
		require.ErrorIs(t, uses.Groups.AddAdmin(ctx, w.operator(t), as("User", "lead")), domain.ErrGroupAdminElsewhere)
		require.NoError(t, uses.Users.Delete(ctx, admin(), directory.DeleteUser{User: domain.UserRef{ID: lead().User}}))
		require.NoError(t, uses.Groups.Delete(ctx, admin(), directory.DeleteGroup{Group: strong}))
	})
}
