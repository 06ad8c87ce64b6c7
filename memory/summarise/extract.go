// Package summarise shortens what an agent went through without asking a
// model: it picks sentences, and writes none.
package summarise

import (
	"context"
	"slices"
	"strings"
	"unicode"
)

// Extractive picks the sentences whose words most texts share, each thing once
// (after SumBasic: Nenkova and Vanderwende 2005, "The Impact of Frequency on
// Summarization"). It is the same on every machine and needs nothing.
type Extractive struct{}

// Name is how a summary says what wrote it.
func (Extractive) Name() string { return "extractive" }

// Summarise returns sentences of the texts, in their order, of at most size
// bytes together; a text without words gives none. The error is ctx's.
func (Extractive) Summarise(ctx context.Context, texts []string, size int) (string, error) {
	all := sentences(texts)
	share := shares(texts)
	var picked []sentence
	for ctx.Err() == nil {
		i := best(all, share, size)
		if i < 0 {
			break
		}
		picked = append(picked, all[i])
		size -= len(all[i].text) + 1
		for _, w := range all[i].words {
			share[w] *= share[w] // said now: of less interest
		}
		all = slices.Delete(all, i, i+1)
	}
	slices.SortFunc(picked, func(a, b sentence) int { return a.at - b.at })
	lines := make([]string, len(picked))
	for i, s := range picked {
		lines[i] = s.text
	}
	return strings.Join(lines, "\n"), ctx.Err()
}

// sentence is one of the texts'.
type sentence struct {
	at    int // its place among all
	text  string
	words []string // each once, in small letters
}

// sentences cuts the texts at line ends and after . ! and ? before a space.
// What has no words, or was there before, is left out.
func sentences(texts []string) []sentence {
	var all []sentence
	seen := map[string]bool{}
	for _, text := range texts {
		for line := range strings.Lines(text) {
			for _, s := range cut(line) {
				s = strings.TrimSpace(s)
				words := wordsOf(s)
				if len(words) == 0 || seen[s] {
					continue
				}
				seen[s] = true
				all = append(all, sentence{at: len(all), text: s, words: words})
			}
		}
	}
	return all
}

func cut(line string) []string {
	var parts []string
	start, ended := 0, false
	for i, r := range line {
		if ended && unicode.IsSpace(r) {
			parts = append(parts, line[start:i])
			start = i
		}
		ended = r == '.' || r == '!' || r == '?'
	}
	return append(parts, line[start:])
}

// shortWord is the longest word, in letters, that is taken for grammar.
const shortWord = 3

func wordsOf(s string) []string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	words = slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) <= shortWord })
	slices.Sort(words)
	return slices.Compact(words)
}

// shares returns which part of the texts has each word beside the first; a
// little for one that no other has.
func shares(texts []string) map[string]float64 {
	share, n := map[string]float64{}, float64(len(texts))
	for _, text := range texts {
		for _, w := range wordsOf(text) {
			if _, again := share[w]; again {
				share[w] += 1 / n
			} else {
				share[w] = 1 / (n * n * n)
			}
		}
	}
	return share
}

// best returns the place of the sentence that fits and whose words have the
// largest share on average, the first of equals; -1 when none fits.
func best(all []sentence, share map[string]float64, size int) int {
	found, most := -1, 0.0
	for i, s := range all {
		if len(s.text) > size {
			continue
		}
		sum := 0.0
		for _, w := range s.words {
			sum += share[w]
		}
		if mean := sum / float64(len(s.words)); found < 0 || mean > most {
			found, most = i, mean
		}
	}
	return found
}
