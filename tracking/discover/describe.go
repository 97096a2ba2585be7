package discover

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/operatord/operatord/conversation"
)

const (
	// maxPhrases is how many typical sentences a cluster shows; a good vocabulary has about as many.
	maxPhrases = 12
	// distinct is the cosine below which two phrases add something to one another.
	distinct = 0.93
	// phraseWords is the length beyond which a sentence is no phrase, as long as there are shorter ones.
	phraseWords = 16
	// A name has from nameWords down to two words and stands in this share of the sentences at least.
	nameWords = 4
	nameShare = 0.2
)

// describe makes clusters of groups whose points are sentences.
func (o *Options) describe(sentences []Sentence, groups []group) []Cluster {
	var clusters []Cluster
	for _, g := range groups {
		c := clusterOf(sentences, g)
		if conversationsOf(sentences, g.points) < o.MinConversations ||
			slices.ContainsFunc(o.Known, func(known []float32) bool { return Same(known, c.Centre) }) {
			continue
		}
		clusters = append(clusters, c)
	}
	slices.SortStableFunc(clusters, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(len(b.Members), len(a.Members)), cmp.Compare(a.Members[0], b.Members[0]))
	})
	nameAll(clusters, sentences)
	return clusters[:min(len(clusters), o.MaxClusters)]
}

func conversationsOf(sentences []Sentence, members []int) int {
	distinct := map[conversation.ID]bool{}
	for _, i := range members {
		distinct[sentences[i].Conversation] = true
	}
	return len(distinct)
}

// clusterOf returns a cluster without a name.
func clusterOf(sentences []Sentence, g group) Cluster {
	c := Cluster{Members: g.points, Centre: unit(slices.Clone(g.sum))}
	typical := make(map[int]float32, len(g.points))
	var total float64
	for _, i := range c.Members {
		typical[i] = dot(c.Centre, sentences[i].Vector)
		total += float64(typical[i])
	}
	c.Cohesion = total / float64(len(c.Members))
	slices.SortStableFunc(c.Members, func(a, b int) int { return cmp.Compare(typical[b], typical[a]) })
	c.Phrases = phrasesOf(sentences, c.Members)
	return c
}

// phrasesOf chooses typical sentences that differ from one another. Long ones come in only where nothing else is left.
func phrasesOf(sentences []Sentence, members []int) []string {
	var chosen []int
	for _, long := range []bool{false, true} {
		for _, i := range members {
			isLong := len(Words(sentences[i].Text)) > phraseWords
			if len(chosen) == maxPhrases || long && len(chosen) > 0 {
				break
			}
			if isLong == long && !slices.ContainsFunc(chosen, func(j int) bool { return dot(sentences[i].Vector, sentences[j].Vector) >= distinct }) {
				chosen = append(chosen, i)
			}
		}
	}
	phrases := make([]string, len(chosen))
	for k, i := range chosen {
		phrases[k] = strings.TrimRight(sentences[i].Text, ".,;:!… ")
	}
	return phrases
}

// nameAll names every cluster by the words that many of its sentences have and few other clusters have.
func nameAll(clusters []Cluster, sentences []Sentence) {
	grams := make([]map[string]int, len(clusters))
	spread := map[string]int{} // in how many clusters a run of words is common
	for i, c := range clusters {
		grams[i] = gramsOf(c, sentences)
		for gram, n := range grams[i] {
			if float64(n) >= nameShare*float64(len(c.Members)) {
				spread[gram]++
			}
		}
	}
	taken := map[string]bool{}
	for i := range clusters {
		c := &clusters[i]
		rarity := func(gram string) float64 { return math.Log(1 + float64(len(clusters))/float64(max(1, spread[gram]))) }
		c.Name = capital(bestGram(grams[i], len(c.Members), rarity, taken))
		if c.Name == "" {
			c.Name = capital(firstWords(sentences[c.Members[0]].Text))
		}
		taken[strings.ToLower(c.Name)] = true
	}
}

// gramsOf counts in how many sentences of a cluster each run of words stands that could be a name.
func gramsOf(c Cluster, sentences []Sentence) map[string]int {
	count := map[string]int{}
	for _, i := range c.Members {
		words, seen := Words(sentences[i].Text), map[string]bool{}
		for first := range words {
			for n := 2; n <= nameWords && first+n <= len(words); n++ {
				run := words[first : first+n]
				if gram := strings.Join(run, " "); nameable(run) && !seen[gram] {
					seen[gram] = true
					count[gram]++
				}
			}
		}
	}
	return count
}

// nameable reports whether a run of words begins and ends with words of content.
func nameable(run []string) bool {
	return !hollow(run[0]) && !hollow(run[len(run)-1]) && !strings.ContainsFunc(strings.Join(run, ""), unicode.IsNumber)
}

// hollow reports whether a word says nothing at the end of a name.
func hollow(word string) bool { return idle(word) || strings.Contains(hollowWords, " "+word+" ") }

// hollowWords have a space on both sides.
const hollowWords = " about after all an any as at be because before been but by don't for from get give got had has he her him his i'd i'll i've if in into let like many need " +
	"on or our she should some tell than their them they this us want was we were when where which who why will with would "

// bestGram returns the run of words with the best product of how many sentences have it, how much it says and how rare it is
// elsewhere; "" if none is common.
func bestGram(grams map[string]int, sentences int, rarity func(string) float64, taken map[string]bool) string {
	best, bestScore := "", 0.0
	for gram, n := range grams {
		if float64(n) < nameShare*float64(sentences) || n < 2 || taken[gram] {
			continue
		}
		content := 0
		for w := range strings.FieldsSeq(gram) {
			if !hollow(w) {
				content++
			}
		}
		score := float64(n) * math.Sqrt(float64(content)) * rarity(gram)
		if score > bestScore || score == bestScore && (len(gram) > len(best) || len(gram) == len(best) && gram < best) {
			best, bestScore = gram, score
		}
	}
	return best
}

// firstWords returns the begin of a sentence.
func firstWords(sentence string) string {
	words := Words(sentence)
	return strings.Join(words[:min(len(words), 2*nameWords)], " ")
}

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}
