package client

import "time"

// RememberRequest asks for an item to be kept.
type RememberRequest struct {
	Text       string        `json:"text,omitempty" maxLength:"65536" doc:"what is to be remembered; longer texts are documents"`
	Artifact   *Artifact     `json:"artifact,omitempty" doc:"instead of a text, or beside one that describes it"`
	MediaType  string        `json:"media_type,omitempty" example:"text/plain"`
	Kind       string        `json:"kind,omitempty" enum:"fact,decision,episode,skill" doc:"default fact"`
	Scope      string        `json:"scope,omitempty" doc:"who may recall it: tenant (default), team:NAME, or agent:ID for one principal alone"`
	Subject    string        `json:"subject,omitempty" maxLength:"256" doc:"what it is about: a newer item about the same subject in the same scope supersedes it"`
	Source     *MemorySource `json:"source,omitempty"`
	Importance *float64      `json:"importance,omitempty" minimum:"0" maximum:"1" doc:"default 0.5"`
	Tags       []string      `json:"tags,omitempty" maxItems:"32"`
	ExpiresAt  *time.Time    `json:"expires_at,omitempty"`
	Key        string        `json:"key,omitempty" maxLength:"256" doc:"a repetition with the same key changes nothing"`
}

// RememberBatch asks for several items to be kept, each on its own.
type RememberBatch struct {
	Items []RememberRequest `json:"items" minItems:"1" maxItems:"1000"`
}

// MemorySource says where an item comes from.
type MemorySource struct {
	Type string `json:"type" enum:"task,agent,person,document,event"`
	ID   string `json:"id,omitempty" maxLength:"256"`
	Seq  uint64 `json:"seq,omitempty" doc:"sequence of the event"`
}

// SummaryOf says what a summary was made of.
type SummaryOf struct {
	Items int    `json:"items"`
	Bytes int    `json:"bytes" doc:"of their texts together"`
	By    string `json:"by" doc:"what wrote it: extractive, or a model"`
}

// MemoryPlace says where a passage stands in its document.
type MemoryPlace struct {
	Document string `json:"document"`
	URI      string `json:"uri"`
	Ordinal  int    `json:"ordinal"`
	Start    int    `json:"start" doc:"first byte"`
	End      int    `json:"end" doc:"byte after the last"`
	Line     int    `json:"line" doc:"line of the first byte, from 1"`
	Heading  string `json:"heading,omitempty"`
}

// Memory is an item that is or was remembered.
type Memory struct {
	ID           string       `json:"id"`
	Status       string       `json:"status" enum:"live,superseded,merged,forgotten"`
	ReplacedBy   string       `json:"replaced_by,omitempty"`
	Kind         string       `json:"kind"`
	Scope        string       `json:"scope"`
	Subject      string       `json:"subject,omitempty"`
	Text         string       `json:"text,omitempty"`
	Artifact     *Artifact    `json:"artifact,omitempty"`
	MediaType    string       `json:"media_type"`
	Source       MemorySource `json:"source"`
	Place        *MemoryPlace `json:"place,omitempty"`
	SummaryOf    *SummaryOf   `json:"summary_of,omitempty" doc:"what a summary stands for"`
	Importance   float64      `json:"importance"`
	Tags         []string     `json:"tags"`
	Used         int          `json:"used"`
	Helpful      int          `json:"helpful"`
	Repeats      int          `json:"repeats"`
	Actor        string       `json:"actor" doc:"principal that remembered it"`
	RememberedAt time.Time    `json:"remembered_at"`
	UpdatedAt    time.Time    `json:"updated_at"`
	UsedAt       *time.Time   `json:"used_at,omitempty"`
	ExpiresAt    *time.Time   `json:"expires_at,omitempty"`
	Seq          uint64       `json:"seq" doc:"of the event that remembered it"`
	Position     string       `json:"position" doc:"of its last event"`
}

// SearchRequest looks for what is remembered, by meaning and by words.
type SearchRequest struct {
	Query  string `json:"query,omitempty" maxLength:"8192"`
	Like   string `json:"like,omitempty" doc:"id of an item: look for others like it"`
	Mode   string `json:"mode,omitempty" enum:"fused,meaning,words" doc:"default fused"`
	Filter string `json:"filter,omitempty" maxLength:"4096" doc:"such as: kind:fact tag:deploy remembered>2026-01-01 source:task scope:tenant"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"100" doc:"default 10"`
	After  string `json:"after,omitempty" doc:"wait until the read model has reached this position, for up to 5 s"`
}

// SearchBatch asks several searches at once.
type SearchBatch struct {
	Searches []SearchRequest `json:"searches" minItems:"1" maxItems:"50"`
}

// MemoryHit is an item that was found, and why.
type MemoryHit struct {
	Memory
	Score       float64  `json:"score" doc:"hits are ordered by it; comparable within one answer only"`
	MeaningRank int      `json:"meaning_rank,omitempty" doc:"place among all by meaning, from 1"`
	Distance    *float64 `json:"distance,omitempty" doc:"cosine distance, 0 to 2"`
	WordRank    int      `json:"word_rank,omitempty" doc:"place among all by words, from 1"`
	WordWeight  float64  `json:"word_weight,omitempty"`
	Recency     float64  `json:"recency" doc:"1 for new or lately used, halving every 30 days"`
	Folded      []string `json:"folded,omitempty" doc:"ids of hits that say nearly the same"`
}

// SearchResult is what was found.
type SearchResult struct {
	Hits     []MemoryHit `json:"hits"`
	Model    string      `json:"model,omitempty" doc:"that meanings were compared by"`
	Degraded string      `json:"degraded,omitempty" doc:"why the search was by words alone, though more was asked"`
	Exact    bool        `json:"exact" doc:"every distance was computed"`
	Position string      `json:"position"`
	Lag      uint64      `json:"lag"`
}

// SearchResults answers a batch, in its order.
type SearchResults struct {
	Results []SearchResult `json:"results"`
}

// MemoryRequest is a command about an item. Over HTTP the id is in the path.
type MemoryRequest struct {
	ID         string   `json:"id,omitempty"`
	Reason     string   `json:"reason,omitempty" maxLength:"1024"`
	By         string   `json:"by,omitempty" doc:"supersede: id of the item that holds instead"`
	Text       string   `json:"text,omitempty" maxLength:"65536" doc:"correct: what it says now"`
	Importance *float64 `json:"importance,omitempty" minimum:"0" maximum:"1" doc:"correct: the new importance"`
	Tags       []string `json:"tags,omitempty" maxItems:"32" doc:"correct: the new tags"`
	How        string   `json:"how,omitempty" enum:"used,helpful,unhelpful" doc:"reinforce: default used"`
	Task       string   `json:"task,omitempty" doc:"reinforce: the task for which it was used"`
}

// DocumentRequest imports a text in passages.
type DocumentRequest struct {
	URI        string   `json:"uri" minLength:"1" maxLength:"1024" doc:"names the document within its scope, such as a path"`
	MediaType  string   `json:"media_type,omitempty" doc:"default text/plain; text/markdown and text/x-go are split by their structure"`
	Text       string   `json:"text" doc:"at most 8 MiB of UTF-8"`
	Scope      string   `json:"scope,omitempty" doc:"as of an item"`
	Tags       []string `json:"tags,omitempty" maxItems:"32"`
	Importance *float64 `json:"importance,omitempty" minimum:"0" maximum:"1"`
}

// DocumentReceipt is the outcome of an import.
type DocumentReceipt struct {
	Receipt
	Unchanged bool `json:"unchanged" doc:"it had been imported with the same content"`
	Chunks    int  `json:"chunks" doc:"passages that it has now"`
	New       int  `json:"new"`
	Gone      int  `json:"gone" doc:"passages that are in it no longer, forgotten now"`
}

// Document is an imported document.
type Document struct {
	ID         string    `json:"id"`
	URI        string    `json:"uri"`
	Scope      string    `json:"scope"`
	Digest     string    `json:"digest" doc:"of its bytes: sha256:…"`
	Size       int64     `json:"size" doc:"bytes"`
	MediaType  string    `json:"media_type"`
	Chunks     int       `json:"chunks"`
	Tags       []string  `json:"tags"`
	Splitter   int       `json:"splitter" doc:"version of the rules by which it was split"`
	Forgotten  bool      `json:"forgotten"`
	ImportedAt time.Time `json:"imported_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	Position   string    `json:"position"`
}

// MemoryStats sums up what is remembered.
type MemoryStats struct {
	Items     []MemoryCount  `json:"items"`
	Documents int            `json:"documents"`
	Tokens    int64          `json:"tokens" doc:"that models have read for this tenant"`
	Models    []MemoryModel  `json:"models"`
	Embedder  *EmbedderState `json:"embedder,omitempty" doc:"of the node that answers"`
	Position  string         `json:"position"`
	Lag       uint64         `json:"lag"`
}

// MemoryCount is how many items there are of a kind and status.
type MemoryCount struct {
	Kind   string `json:"kind"`
	Status string `json:"status"`
	Items  int64  `json:"items"`
}

// MemoryModel is an embedding model and how far it is.
type MemoryModel struct {
	Model      string `json:"model"`
	Dimensions int    `json:"dimensions"`
	Active     bool   `json:"active" doc:"searches compare meanings by it"`
	Vectors    int64  `json:"vectors" doc:"live items that you may recall and that it has embedded"`
}

// EmbedderState is what an embedder tells about itself.
type EmbedderState struct {
	Wanted      string     `json:"wanted"`
	Waiting     int        `json:"waiting"`
	SetAside    int        `json:"set_aside" doc:"texts that could not be embedded; tried again after an hour"`
	Embedded    uint64     `json:"embedded" doc:"since this node started"`
	Failures    uint64     `json:"failures"`
	LastFailure string     `json:"last_failure,omitempty"`
	PausedUntil *time.Time `json:"paused_until,omitempty"`
}

// PackRequest asks for what is worth knowing for some work, within a budget.
type PackRequest struct {
	Query  string `json:"query,omitempty" maxLength:"8192"`
	Task   string `json:"task,omitempty" doc:"take the query from the input of this task"`
	Budget int    `json:"budget,omitempty" minimum:"16" maximum:"100000" doc:"tokens, default 2000"`
	Filter string `json:"filter,omitempty" maxLength:"4096"`
	After  string `json:"after,omitempty"`
}

// Pack is a bounded, ranked context.
type Pack struct {
	Text     string       `json:"text" doc:"the items with their sources, ready for a prompt"`
	Items    []PackedItem `json:"items"`
	Tokens   int          `json:"tokens" doc:"estimated: 4 bytes each"`
	Budget   int          `json:"budget"`
	Degraded string       `json:"degraded,omitempty"`
	Position string       `json:"position"`
}

// PackedItem is an item of a pack.
type PackedItem struct {
	ID     string  `json:"id"`
	Text   string  `json:"text"`
	Score  float64 `json:"score"`
	Tokens int     `json:"tokens"`
	Kind   string  `json:"kind"`
	Source string  `json:"source" doc:"where it comes from, in words"`
	Seq    uint64  `json:"seq"`
}
