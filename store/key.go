package store

import (
	"encoding/json"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

const selectKey = `SELECT id, clinic, key_id, family, name, hash, scopes, rate_per_minute, allowed_origins,
	expires_at, revoked_at, rotated_to, created_at, created_by, last_used_at FROM api_keys`

func scanKey(r *row) access.Key {
	k := access.Key{
		ID: r.text(), Clinic: r.int(), KeyID: r.text(), Family: secret.Family(r.text()), Name: r.text(), Hash: r.text(),
		Scopes: scopes(r),
	}
	if r.null() {
		r.skip()
	} else {
		n := r.small()
		k.RatePerMinute = &n
	}
	r.json(&k.AllowedOrigins)
	k.ExpiresAt, k.RevokedAt, k.RotatedTo = r.int(), r.int(), r.text()
	k.CreatedAt, k.CreatedBy, k.LastUsedAt = r.int(), r.text(), r.int()
	return k
}

// scopes reads a JSON list of scope names. An unknown one grants nothing: an
// older program may meet a newer key.
func scopes(r *row) scope.Set {
	var names []string
	r.json(&names)
	var set scope.Set
	for _, name := range names {
		if s, ok := scope.Parse(name); ok {
			set |= scope.Of(s)
		}
	}
	return set
}

// KeyByLookup implements engine.Reader, from memory; an unknown key is looked up
// in the file at once, so that one made in the shell works immediately.
func (r *reads) KeyByLookup(f secret.Family, keyID string) (access.Key, error) {
	if r.ended {
		return access.Key{}, errEnded
	}
	l := lookup{f, keyID}
	if r.tx != nil {
		if _, wrote := r.tx.w.keys[l]; wrote {
			return r.keyInFile(l)
		}
	}
	if k, ok := r.s.mem.keys.Load(l); ok {
		return k.(access.Key), nil
	}
	var key access.Key
	err := r.s.fresh(func(f *reads) (err error) {
		gen := r.s.mem.generation()
		if key, err = f.keyInFile(l); err == nil {
			r.s.mem.install(gen, &r.s.mem.keys, l, key)
		}
		return err
	})
	return key, err
}

func (r *reads) keyInFile(l lookup) (access.Key, error) {
	return one(r, "key", scanKey, selectKey+" WHERE family = ? AND key_id = ?", string(l.family), l.id)
}

// Key implements engine.Reader.
func (r *reads) Key(clinic int64, id string) (access.Key, error) {
	return one(r, "key", scanKey, selectKey+" WHERE id = ? AND clinic = ?", id, clinic)
}

// Keys implements engine.Reader.
func (r *reads) Keys(clinic int64, after act.Position, limit int) ([]access.Key, error) {
	w := newWhere("clinic = ?", clinic)
	text := selectKey + w.newestFirst(after, after.ID, limit)
	return list(r, scanKey, text, w.args...)
}

// CountKeys implements engine.Reader.
func (r *reads) CountKeys(clinic int64) (int64, error) {
	return r.number("SELECT count(*) FROM api_keys WHERE clinic = ?", clinic)
}

// PublicOrigins implements engine.Reader, sorted.
func (r *reads) PublicOrigins(now int64) ([]string, error) {
	return list(r, (*row).text, `SELECT DISTINCT value FROM api_keys, json_each(allowed_origins)
		WHERE family = 'qual_pk_' AND (expires_at IS NULL OR expires_at > ?) AND (revoked_at IS NULL OR revoked_at > ?)
		ORDER BY value`, now, now)
}

// keyJSON are the two JSON columns.
func keyJSON(k access.Key) (scopes, origins string, err error) {
	b, err := json.Marshal(k.Scopes.Names())
	if err != nil {
		return
	}
	origins, err = asJSON(k.AllowedOrigins)
	return string(b), origins, err
}

func rate(k access.Key) any {
	if k.RatePerMinute == nil {
		return nil
	}
	return *k.RatePerMinute
}

// InsertKey implements engine.Tx.
func (t *tx) InsertKey(k access.Key) error {
	scopes, origins, err := keyJSON(k)
	if err != nil {
		return err
	}
	t.w.keys[lookup{k.Family, k.KeyID}] = struct{}{}
	_, _, err = t.exec(`INSERT INTO api_keys (id, clinic, key_id, family, name, hash, scopes, rate_per_minute, allowed_origins,
		expires_at, revoked_at, rotated_to, created_at, created_by, last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.Clinic, k.KeyID, string(k.Family), k.Name, k.Hash, scopes, rate(k), origins,
		intOrNull(k.ExpiresAt), intOrNull(k.RevokedAt), textOrNull(k.RotatedTo), k.CreatedAt, k.CreatedBy,
		intOrNull(k.LastUsedAt))
	return err
}

// UpdateKey implements engine.Tx. What a key is (family, id, hash) never changes.
func (t *tx) UpdateKey(k access.Key) error {
	scopes, origins, err := keyJSON(k)
	if err != nil {
		return err
	}
	t.w.keys[lookup{k.Family, k.KeyID}] = struct{}{}
	return t.change("key", `UPDATE api_keys SET name = ?, scopes = ?, rate_per_minute = ?, allowed_origins = ?, expires_at = ?,
		revoked_at = ?, rotated_to = ? WHERE id = ? AND clinic = ?`,
		k.Name, scopes, rate(k), origins, intOrNull(k.ExpiresAt), intOrNull(k.RevokedAt), textOrNull(k.RotatedTo), k.ID,
		k.Clinic)
}

// TouchKey implements engine.Tx.
func (t *tx) TouchKey(id string, at int64) error {
	t.w.touched = append(t.w.touched, keyTouch{id, at})
	return t.change("key", "UPDATE api_keys SET last_used_at = ? WHERE id = ?", at, id)
}
