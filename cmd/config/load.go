package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2"
)

// FileName is the name of the configuration in a data directory and in backups.
const FileName = "qb.toml"

// maxConfigSize bounds a configuration file; a larger one is not ours.
const maxConfigSize = 1 << 20

// Loaded is a configuration and where each of its values came from.
type Loaded struct {
	*Config
	File   string            // the file that was read; "" when there is none
	source map[string]string // by key; a key that is not in it has its default
}

// Flag is a setting given as a flag of the command line.
type Flag struct {
	Key   string // the setting, as server.listen
	Name  string // the flag, without its hyphens
	Value string // as given
}

// Load is the configuration of a data directory: defaults, file, environment,
// flags, in that order. file is the configuration file, which must be there; "" means
// qb.toml in the directory, which may be missing. Relative paths in it are made
// absolute against the directory. The error is Faults where values are wrong.
func Load(data, file string, env func(string) (string, bool), flags ...Flag) (*Loaded, error) {
	l := Default()
	named := file != ""
	if !named {
		file = filepath.Join(data, FileName)
	}
	text, err := readConfig(file)
	if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) && !named {
		err = nil // runs without one; what is wrong with the directory is told by whoever opens it
	} else if err == nil {
		l.File = file
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	faults := l.readTOML(file, text)
	faults = append(faults, l.readEnv(env)...)
	faults = append(faults, l.readFlags(flags)...)
	l.resolvePaths(data)
	unread := func(f Fault) bool { // its value is not what was given: say that alone
		return slices.ContainsFunc(faults, func(x Fault) bool { return x.key == f.key })
	}
	values := slices.DeleteFunc(append(l.validate(), l.readSecretFile()...), unread)
	if faults = append(faults, values...); len(faults) > 0 {
		return l, faults
	}
	return l, nil
}

// readConfig reads a regular file of bearable size.
func readConfig(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxConfigSize+1))
	if err == nil && len(data) > maxConfigSize {
		err = fmt.Errorf("%s is larger than 1 MiB", path)
	}
	return data, err
}

// readTOML lays the file over what l holds. Unknown keys and wrong types are
// faults with their lines: all of them, which is why the values are taken one by
// one and not by a decoder, which would stop at the first.
func (l *Loaded) readTOML(path string, data []byte) Faults {
	at := func(line int) string { return fmt.Sprintf("%s:%d", path, line) }
	var document map[string]any
	if err := toml.Unmarshal(data, &document); err != nil {
		return Faults{syntaxFault(path, err)}
	}
	if tiers, ok := document["tiers"].(map[string]any); ok {
		for name := range tiers {
			if l.Tiers[name] == nil {
				l.Tiers[name] = &Tier{}
			}
		}
	}
	known := map[string]setting{}
	for _, s := range l.settings() {
		known[s.key] = s
	}
	var faults Faults
	for _, k := range tomlKeys(data) {
		s, ok := known[k.path]
		value := valueAt(document, k.path)
		_, table := value.(map[string]any)
		switch {
		case ok:
			l.source[s.key] = at(k.line)
			if !s.setValue(value) {
				faults = append(faults, Fault{where: at(k.line), key: k.path, message: "want " + s.want()})
			}
		case !isSection(known, k.path):
			faults = append(faults, Fault{where: at(k.line), key: k.path, message: unknownKey(known, k.path)})
		case !table:
			faults = append(faults, Fault{where: at(k.line), key: k.path, message: "want a table, such as [" + k.path + "]"})
		}
	}
	return faults
}

// valueAt finds the value of a key such as server.listen.
func valueAt(document map[string]any, path string) any {
	var value any = document
	for part := range strings.SplitSeq(path, ".") {
		table, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = table[part]
	}
	return value
}

// syntaxFault is what keeps a document from having any keys to judge.
func syntaxFault(path string, err error) Fault {
	fault := Fault{where: path, message: strings.TrimPrefix(err.Error(), "toml: ")}
	if de, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := de.Position()
		fault.where = fmt.Sprintf("%s:%d", path, line)
	}
	return fault
}

// readEnv takes QB_<SECTION>_<KEY> for every key there is; other names are
// never looked at.
func (l *Loaded) readEnv(env func(string) (string, bool)) Faults {
	var faults Faults
	for _, s := range l.settings() {
		text, ok := env(s.envName())
		if !ok {
			continue
		}
		l.source[s.key] = s.envName()
		if err := s.setText(text); err != nil {
			faults = append(faults, Fault{s.envName(), s.key, quote(text), err.Error()})
		}
	}
	return faults
}

// readFlags takes the settings that were given as flags.
func (l *Loaded) readFlags(flags []Flag) Faults {
	var faults Faults
	for _, s := range l.settings() {
		for _, o := range flags {
			if o.Key != s.key {
				continue
			}
			l.source[s.key] = "--" + o.Name
			if err := s.setText(o.Value); err != nil {
				faults = append(faults, Fault{"--" + o.Name, s.key, quote(o.Value), err.Error()})
			}
		}
	}
	return faults
}

// resolvePaths makes the paths absolute: qb.toml moves with the data directory,
// so its relative paths start there.
func (l *Loaded) resolvePaths(data string) {
	for _, p := range []*string{&l.TLS.Cert, &l.TLS.Key, &l.Auth.JWTSecretFile, &l.Backup.Dir, &l.Backup.Identity} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(data, *p)
		}
	}
}

// readSecretFile puts the content of auth.jwt_secret_file into auth.jwt_secret,
// without the line end that editors add.
func (l *Loaded) readSecretFile() Faults {
	if l.Auth.JWTSecretFile == "" || l.Auth.JWTSecret != "" {
		return nil
	}
	data, err := readConfig(l.Auth.JWTSecretFile)
	if err != nil {
		return Faults{l.fault("auth.jwt_secret_file", "cannot be read: %v", err)}
	}
	l.Auth.JWTSecret = Secret(strings.TrimRight(string(data), "\r\n"))
	if len(l.Auth.JWTSecret) < minJWTSecret {
		return Faults{l.fault("auth.jwt_secret_file", shortSecret)}
	}
	return nil
}
