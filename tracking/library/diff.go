package library

import (
	"cmp"
	"slices"

	"github.com/operatord/operatord/tracking"
)

// Difference is what sets a tracker apart from its entry. Its lists are never nil.
type Difference struct {
	PhrasesAdded   []string       `json:"phrases_added" doc:"Phrases that the tracker has and the library has not"`
	PhrasesRemoved []string       `json:"phrases_removed" doc:"Phrases that the library has and the tracker has not"`
	Changes        []MemberChange `json:"changes" doc:"Members other than the vocabulary that differ"`
}

// MemberChange is one member that differs. A list that differs only in its order is no change.
type MemberChange struct {
	Member  string `json:"member" example:"threshold" doc:"Name of the member in the JSON form of a tracker"`
	Library any    `json:"library" doc:"Its value in the library"`
	Tracker any    `json:"tracker" doc:"Its value in the tracker"`
}

// Empty reports whether there is no difference.
func (d Difference) Empty() bool {
	return len(d.PhrasesAdded)+len(d.PhrasesRemoved)+len(d.Changes) == 0
}

// Diff compares a tracker with an entry in what an entry determines: how the matter is described, categorised and
// recognised. Name, actions, alert budget and whether the tracker is enabled are its owner's business.
func Diff(entry, tracker tracking.Tracker) Difference {
	d := Difference{
		PhrasesAdded:   without(tracker.Vocabulary, entry.Vocabulary),
		PhrasesRemoved: without(entry.Vocabulary, tracker.Vocabulary),
		Changes:        []MemberChange{},
	}
	differ(&d, "description", entry.Description, tracker.Description)
	differInList(&d, "categories", entry.Categories, tracker.Categories)
	differ(&d, "threshold", entry.Threshold, tracker.Threshold)
	differ(&d, "role", entry.Role, tracker.Role)
	differInList(&d, "languages", entry.Languages, tracker.Languages)
	differInList(&d, "exclusions", entry.Exclusions, tracker.Exclusions)
	differInList(&d, "negative_examples", entry.NegativeExamples, tracker.NegativeExamples)
	differ(&d, "stance", entry.Stance, tracker.Stance)
	return d
}

// Reset returns tracker with everything that Diff compares taken from the entry.
func Reset(entry, tracker tracking.Tracker) tracking.Tracker {
	entry = clone(entry)
	tracker.Description, tracker.Categories, tracker.Languages = entry.Description, entry.Categories, entry.Languages
	tracker.Vocabulary, tracker.Exclusions, tracker.NegativeExamples = entry.Vocabulary, entry.Exclusions, entry.NegativeExamples
	tracker.Threshold, tracker.Role, tracker.Stance = entry.Threshold, entry.Role, entry.Stance
	return tracker
}

func differ[T comparable](d *Difference, member string, library, tracker T) {
	if library != tracker {
		d.Changes = append(d.Changes, MemberChange{Member: member, Library: library, Tracker: tracker})
	}
}

func differInList(d *Difference, member string, library, tracker []string) {
	if len(without(library, tracker))+len(without(tracker, library)) > 0 {
		d.Changes = append(d.Changes, MemberChange{Member: member, Library: listed(library), Tracker: listed(tracker)})
	}
}

// listed returns list, which is not nil, so that it is an empty list in JSON.
func listed(list []string) []string { return append([]string{}, list...) }

// without returns the members of list that others lacks, sorted; the list is not nil.
func without(list, others []string) []string {
	rest := []string{}
	for _, s := range list {
		if !slices.Contains(others, s) {
			rest = append(rest, s)
		}
	}
	slices.SortFunc(rest, cmp.Compare[string])
	return rest
}
