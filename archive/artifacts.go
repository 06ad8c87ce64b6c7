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

// HasArtifact reports whether an artifact is kept.
func (d *Dir) HasArtifact(tenant, digest string) (bool, error) {
	return d.Has(artifactPath(tenant, digest))
}

// PutArtifact keeps an artifact; one that is kept already stays.
func (d *Dir) PutArtifact(ctx context.Context, a Artifact) error {
	name := artifactPath(a.Tenant, a.Digest)
	if name == "" {
		return fmt.Errorf("%q of tenant %q is no artifact", a.Digest, a.Tenant)
	}
	file, err := encode([]eventstore.Stored{{Subject: a.MediaType, Data: a.Data}})
	if err != nil {
		return err
	}
	digest := sha256.Sum256(file)
	if err := d.Put(ctx, name, append(digest[:], file...)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Artifacts hands every artifact to yield, checked against its digest. One that
// is not what was kept is handed on as a *DamageError instead. It ends with
// yield's first error.
func (d *Dir) Artifacts(ctx context.Context, yield func(Artifact, *DamageError) error) error {
	tenants, err := d.List(artifactsFolder)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		digests, err := d.List(path.Join(artifactsFolder, tenant))
		if err != nil {
			return err
		}
		for _, hexed := range digests {
			a, damage := d.artifact(ctx, tenant, hexed)
			if err := errors.Join(ctx.Err(), yield(a, damage)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Dir) artifact(ctx context.Context, tenant, hexed string) (Artifact, *DamageError) {
	a := Artifact{Tenant: tenant, Digest: "sha256:" + hexed}
	name := path.Join(artifactsFolder, tenant, hexed)
	file, err := d.Get(ctx, name, maxSegment)
	if err != nil {
		return a, &DamageError{File: name, Reason: err.Error()}
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
