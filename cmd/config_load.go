package cmd

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

// maxConfigSize bounds a configuration file; a larger one is not ours.
const maxConfigSize = 1 << 20

// configFault is one thing wrong with the configuration.
type configFault struct {
	where   string // "qb.toml:7", "QB_SERVER_LISTEN", "--listen"
	key     string
	value   string // as given; "" for secrets
	message string // what is wanted instead
}

func (f configFault) String() string {
	text := f.where + ": "
	if f.key != "" {
		text += f.key
		if f.value != "" {
			text += " = " + f.value
		}
		text += ": "
	}
	return text + f.message
}

// configFaults are all of them at once, so that one edit mends the file.
type configFaults []configFault

func (f configFaults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	if len(f) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("the configuration has %d faults\n  %s", len(f), strings.Join(lines, "\n  "))
}

// err is nil without faults. Where only flags are at fault, it is the command
// line that is wrong.
func (f configFaults) err() error {
	if len(f) == 0 {
		return nil
	}
	if slices.ContainsFunc(f, func(x configFault) bool { return !strings.HasPrefix(x.where, "--") }) {
		return f
	}
	return &failure{exitUsage, f}
}

// loaded is a configuration and where each of its values came from.
type loaded struct {
	*Config
	path   string            // the file that was read; "" when there is none
	source map[string]string // by key; a key that is not in it has its default
}

// override is a setting given as a flag.
type override struct{ key, flag, value string }

// loadConfig is the configuration of the data directory: defaults, file,
// environment, flags, in that order. Relative paths in it are made absolute
// against the data directory.
func loadConfig(g *global, flags ...override) (*loaded, error) {
	l := &loaded{Config: defaultConfig(), source: map[string]string{}}
	path, named := g.config, g.config != ""
	if !named {
		path = filepath.Join(g.data, "qb.toml")
	}
	data, err := readConfig(path)
	if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) && !named {
		err = nil // runs without one; what is wrong with the directory is told by whoever opens it
	} else if err == nil {
		l.path = path
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	faults := l.readTOML(path, data)
	faults = append(faults, l.readEnv(g.env)...)
	faults = append(faults, l.readFlags(flags)...)
	l.resolvePaths(g.data)
	unread := func(f configFault) bool { // its value is not what was given: say that alone
		return slices.ContainsFunc(faults, func(x configFault) bool { return x.key == f.key })
	}
	values := slices.DeleteFunc(append(l.validate(), l.readSecretFile()...), unread)
	return l, append(faults, values...).err()
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
func (l *loaded) readTOML(path string, data []byte) configFaults {
	at := func(line int) string { return fmt.Sprintf("%s:%d", path, line) }
	var document map[string]any
	if err := toml.Unmarshal(data, &document); err != nil {
		return configFaults{syntaxFault(path, err)}
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
	var faults configFaults
	for _, k := range tomlKeys(data) {
		s, ok := known[k.path]
		value := valueAt(document, k.path)
		_, table := value.(map[string]any)
		switch {
		case ok:
			l.source[s.key] = at(k.line)
			if !s.setValue(value) {
				faults = append(faults, configFault{where: at(k.line), key: k.path, message: "want " + s.want()})
			}
		case !isSection(known, k.path):
			faults = append(faults, configFault{where: at(k.line), key: k.path, message: unknownKey(known, k.path)})
		case !table:
			faults = append(faults, configFault{where: at(k.line), key: k.path, message: "want a table, such as [" + k.path + "]"})
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
func syntaxFault(path string, err error) configFault {
	fault := configFault{where: path, message: strings.TrimPrefix(err.Error(), "toml: ")}
	if de, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := de.Position()
		fault.where = fmt.Sprintf("%s:%d", path, line)
	}
	return fault
}

// readEnv takes QB_<SECTION>_<KEY> for every key there is; other names are
// never looked at.
func (l *loaded) readEnv(env func(string) (string, bool)) configFaults {
	var faults configFaults
	for _, s := range l.settings() {
		text, ok := env(s.envName())
		if !ok {
			continue
		}
		l.source[s.key] = s.envName()
		if err := s.setText(text); err != nil {
			faults = append(faults, configFault{s.envName(), s.key, quote(text), err.Error()})
		}
	}
	return faults
}

// readFlags takes the settings that were given as flags.
func (l *loaded) readFlags(flags []override) configFaults {
	var faults configFaults
	for _, s := range l.settings() {
		for _, o := range flags {
			if o.key != s.key {
				continue
			}
			l.source[s.key] = "--" + o.flag
			if err := s.setText(o.value); err != nil {
				faults = append(faults, configFault{"--" + o.flag, s.key, quote(o.value), err.Error()})
			}
		}
	}
	return faults
}

// resolvePaths makes the paths absolute: qb.toml moves with the data directory,
// so its relative paths start there.
func (l *loaded) resolvePaths(data string) {
	for _, p := range []*string{&l.TLS.Cert, &l.TLS.Key, &l.Auth.JWTSecretFile, &l.Backup.Dir, &l.Backup.Identity} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(data, *p)
		}
	}
}

// readSecretFile puts the content of auth.jwt_secret_file into auth.jwt_secret,
// without the line end that editors add.
func (l *loaded) readSecretFile() configFaults {
	if l.Auth.JWTSecretFile == "" || l.Auth.JWTSecret != "" {
		return nil
	}
	data, err := readConfig(l.Auth.JWTSecretFile)
	if err != nil {
		return configFaults{l.fault("auth.jwt_secret_file", "cannot be read: %v", err)}
	}
	l.Auth.JWTSecret = Secret(strings.TrimRight(string(data), "\r\n"))
	if len(l.Auth.JWTSecret) < minJWTSecret {
		return configFaults{l.fault("auth.jwt_secret_file", shortSecret)}
	}
	return nil
}
