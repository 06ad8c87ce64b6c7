package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hivemesh/hivemesh/eventstore"
)

const artifactsFolder = "artifacts"

// Artifact is a payload that is too large for events.
type Artifact struct {
	Tenant    string
	Digest    string // "sha256:" and 64 hex digits
	MediaType string
	Data      []byte
}

// artifactPath returns where an artifact is kept, or "" for what cannot be one.
func artifactPath(tenant, digest string) string {
	hexed, ok := strings.CutPrefix(digest, "sha256:")
	if raw, err := hex.DecodeString(hexed); !ok || err != nil || len(raw) != sha256.Size || tenant == "" || strings.ContainsAny(tenant, `/\.`) {
		return ""
	}
	return path.Join(artifactsFolder, tenant, hexed)
}

// HasArtifact reports whether an artifact is kept in a target.
func HasArtifact(ctx context.Context, t Target, tenant, digest string) (bool, error) {
	name := artifactPath(tenant, digest)
	if name == "" {
		return false, fmt.Errorf("%q of tenant %q is no artifact", digest, tenant)
	}
	return t.Has(ctx, name)
}

// PutArtifact keeps an artifact in a target; one that is kept already stays.
func PutArtifact(ctx context.Context, t Target, a Artifact) error {
	name := artifactPath(a.Tenant, a.Digest)
	if name == "" {
		return fmt.Errorf("%q of tenant %q is no artifact", a.Digest, a.Tenant)
	}
	file, err := encode([]eventstore.Stored{{Subject: a.MediaType, Data: a.Data}})
	if err != nil {
		return err
	}
	digest := sha256.Sum256(file)
	if err := t.Put(ctx, name, append(digest[:], file...)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Artifacts hands every artifact in a target to yield, checked against its digest. One that
// is not what was kept is handed on as a *DamageError instead. It ends with
// yield's first error, and with ErrUnavailable where the target does not answer.
func Artifacts(ctx context.Context, t Target, yield func(Artifact, *DamageError) error) error {
	tenants, err := t.List(ctx, artifactsFolder)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		digests, err := t.List(ctx, path.Join(artifactsFolder, tenant))
		if err != nil {
			return err
		}
		for _, hexed := range digests {
			a, err := artifact(ctx, t, tenant, hexed)
			var damage *DamageError
			if err != nil && !errors.As(err, &damage) {
				return err
			}
			if err := yield(a, damage); err != nil {
				return err
			}
		}
	}
	return nil
}

// artifact reads an artifact; content that is not what was kept is a *DamageError.
func artifact(ctx context.Context, t Target, tenant, hexed string) (Artifact, error) {
	a := Artifact{Tenant: tenant, Digest: "sha256:" + hexed}
	name := path.Join(artifactsFolder, tenant, hexed)
	file, err := t.Get(ctx, name, maxSegment)
	if err != nil {
		return a, unlessDamaged(ctx, err, name, 0)
	}
	if len(file) < sha256.Size || sha256.Sum256(file[sha256.Size:]) != [sha256.Size]byte(file[:sha256.Size]) {
		return a, &DamageError{File: name, Reason: "its content was changed"}
	}
	parts, err := decode(file[sha256.Size:])
	if err != nil || len(parts) != 1 || sum(parts[0].Data) != hexed {
		return a, &DamageError{File: name, Reason: fmt.Sprintf("its content is not what its name says (%v)", err)}
	}
	a.MediaType, a.Data = parts[0].Subject, parts[0].Data
	return a, nil
}
