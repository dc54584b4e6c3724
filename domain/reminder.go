package domain

import "time"

// Coming is what will be demanded of somebody that they cannot give yet, and from when on. The zero Coming is nothing.
type Coming struct {
	Proof Proof
	From  time.Time
}

// ComingDemand returns what rules whose grace has not passed at now will demand of a person of that role, and that
// those factors do not give: of several demands the one that counts first, of those that count together the strongest.
// The number is that of the rules it is of, -1 for none.
func ComingDemand(now time.Time, role Role, factors Factors, rules ...SignInRules) (Coming, int) {
	coming, of := Coming{}, -1
	for i := range rules {
		c := Coming{rules[i].Demands(role, false), rules[i].Grace}
		if !now.Before(c.From) || c.Proof <= factors.Strongest() {
			continue
		}
		if of < 0 || c.From.Before(coming.From) || c.From.Equal(coming.From) && c.Proof > coming.Proof {
			coming, of = c, i
		}
	}
	return coming, of
}

// RemindedBefore is how long before a demand counts those are told again who cannot meet it; they are told first when
// it is made.
var RemindedBefore = []time.Duration{7 * 24 * time.Hour, 24 * time.Hour}

// ReminderStage returns how many of RemindedBefore have come at now, of a demand that counts from then on.
func ReminderStage(now, from time.Time) int {
	stage := 0
	for _, before := range RemindedBefore {
		if !now.Before(from.Add(-before)) {
			stage++
		}
	}
	return stage
}
