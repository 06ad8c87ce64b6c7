package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// Remember keeps an item. The same content in the same scope is the same item:
// remembering it again strengthens it.
func (c *Client) Remember(ctx context.Context, r RememberRequest) (Receipt, error) {
	if r.Key == "" {
		r.Key = uuid.NewString()
	}
	var out Receipt
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/memory", body: r, repeat: true, out: &out})
	return out, err
}

// RememberAll keeps up to 1,000 items, each on its own: look at the results.
func (c *Client) RememberAll(ctx context.Context, rs []RememberRequest) ([]ItemResult, error) {
	keyed := make([]RememberRequest, len(rs))
	for i, r := range rs {
		if r.Key == "" {
			r.Key = uuid.NewString()
		}
		keyed[i] = r
	}
	var out BatchResult
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/memory/batch", body: RememberBatch{Items: keyed}, repeat: true, out: &out})
	return out.Results, err
}

// Search looks for what is remembered.
func (c *Client) Search(ctx context.Context, r SearchRequest) (SearchResult, error) {
	var out SearchResult
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/memory/search", body: r, repeat: true, out: &out})
	return out, err
}

// SearchAll asks up to 50 searches at once.
func (c *Client) SearchAll(ctx context.Context, rs []SearchRequest) ([]SearchResult, error) {
	var out SearchResults
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/memory/searches", body: SearchBatch{Searches: rs}, repeat: true, out: &out})
	return out.Results, err
}

// Memories lists items, the latest first, whatever their status.
func (c *Client) Memories(ctx context.Context, o ListOptions) (Page[Memory], error) {
	return get[Page[Memory]](ctx, c, "/v1/memory", o.query())
}

// Memory returns one item by its id or a prefix of it.
func (c *Client) Memory(ctx context.Context, id, after string) (Memory, error) {
	return get[Memory](ctx, c, "/v1/memory/"+url.PathEscape(id), afterQuery(after))
}

// Supersede says that the item by holds in place of the item id.
func (c *Client) Supersede(ctx context.Context, id, by, reason string) (Receipt, error) {
	return c.aboutMemory(ctx, id, "supersede", MemoryRequest{By: by, Reason: reason})
}

// Correct replaces what an item says.
func (c *Client) Correct(ctx context.Context, id string, r MemoryRequest) (Receipt, error) {
	return c.aboutMemory(ctx, id, "correct", r)
}

// Forget takes an item out of every search. Its history stays.
func (c *Client) Forget(ctx context.Context, id, reason string) (Receipt, error) {
	return c.aboutMemory(ctx, id, "forget", MemoryRequest{Reason: reason})
}

// Restore undoes that an item was forgotten, superseded or merged.
func (c *Client) Restore(ctx context.Context, id, reason string) (Receipt, error) {
	return c.aboutMemory(ctx, id, "restore", MemoryRequest{Reason: reason})
}

// Reinforce says that an item was used, was helpful, or was not.
func (c *Client) Reinforce(ctx context.Context, id, how, task string) (Receipt, error) {
	return c.aboutMemory(ctx, id, "reinforce", MemoryRequest{How: how, Task: task})
}

func (c *Client) aboutMemory(ctx context.Context, id, verb string, r MemoryRequest) (Receipt, error) {
	return c.command(ctx, "/v1/memory/"+url.PathEscape(id)+"/"+verb, r)
}

// MemoryStats sums up what is remembered.
func (c *Client) MemoryStats(ctx context.Context, after string) (MemoryStats, error) {
	return get[MemoryStats](ctx, c, "/v1/memory/stats", afterQuery(after))
}

// ImportDocument imports a text in passages. The same content again changes
// nothing.
func (c *Client) ImportDocument(ctx context.Context, r DocumentRequest) (DocumentReceipt, error) {
	var out DocumentReceipt
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/documents", body: r, key: uuid.NewString(), repeat: true, out: &out})
	return out, err
}

// Documents lists imported documents by their URI.
func (c *Client) Documents(ctx context.Context, o ListOptions) (Page[Document], error) {
	return get[Page[Document]](ctx, c, "/v1/documents", o.query())
}

// ForgetDocument forgets a document with its passages.
func (c *Client) ForgetDocument(ctx context.Context, id, reason string) (Receipt, error) {
	return c.command(ctx, "/v1/documents/"+url.PathEscape(id)+"/forget", MemoryRequest{Reason: reason})
}

// Pack gathers what is worth knowing for some work, within a budget of tokens.
func (c *Client) Pack(ctx context.Context, r PackRequest) (Pack, error) {
	var out Pack
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/memory/pack", body: r, repeat: true, out: &out})
	return out, err
}
