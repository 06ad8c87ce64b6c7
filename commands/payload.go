package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/domain"
)

// Limits of one payload, in bytes.
const (
	MaxInline  = 256 << 10 // larger ones go to the object store
	MaxPayload = 8 << 20
)

// offload moves a large payload out of the event. The object is acknowledged
// before the event that names it is written, so a reference never dangles.
func (s *Service) offload(ctx context.Context, tenant, field string, p domain.Payload) (domain.Payload, error) {
	switch {
	case len(p.Inline) == 0:
		return domain.Payload{Artifact: p.Artifact}, nil
	case len(p.Inline) > MaxPayload:
		return p, &domain.Error{Kind: domain.TooLarge, Code: "too_large", Field: field, Message: fmt.Sprintf("is %d bytes; at most %d are allowed", len(p.Inline), MaxPayload)}
	case !json.Valid(p.Inline):
		return p, domain.InvalidField(field, "is not valid JSON")
	case !utf8.Valid(p.Inline):
		return p, domain.InvalidField(field, "is not valid UTF-8")
	case len(p.Inline) <= MaxInline:
		return p, nil
	}
	a, err := s.store.PutArtifact(ctx, tenant, "application/json", p.Inline)
	if err != nil {
		return p, fmt.Errorf("store %s: %w", field, err)
	}
	return domain.Payload{Artifact: &domain.Artifact{Digest: a.Digest, Size: a.Size, MediaType: a.MediaType}}, nil
}
