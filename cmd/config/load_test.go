package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// loadEnv is the configuration of an empty directory with an environment.
func loadEnv(t *testing.T, env map[string]string, flags ...Flag) (*Loaded, error) {
	t.Helper()
	return Load(t.TempDir(), "", func(name string) (string, bool) { v, ok := env[name]; return v, ok }, flags...)
}

var commented = regexp.MustCompile(`(?m)^#([a-z\[])`)

// TestExampleIsTheManual proves that config.example.toml holds every key of
// Config with its default and a reason, and nothing else.
func TestExampleIsTheManual(t *testing.T) {
	text, err := os.ReadFile("../../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(string(text), "")) != "" {
		t.Error("a line is not commented out: qb init copies the file as it is")
	}
	open := commented.ReplaceAllString(string(text), "$1")

	// Into a zero Config, so that every value must come from the file.
	var c Config
	if err := toml.Unmarshal([]byte(open), &c); err != nil {
		t.Fatal(err)
	}
	if want := defaults(); !reflect.DeepEqual(&c, want) {
		t.Errorf("the file's values are not the defaults\n got %+v\nwant %+v", &c, want)
	}
	want := map[string]bool{}
	for _, s := range defaults().settings() {
		want[s.key] = true
	}
	known := map[string]setting{}
	for _, s := range defaults().settings() {
		known[s.key] = s
	}
	for _, k := range tomlKeys([]byte(open)) {
		if !want[k.path] && !isSection(known, k.path) {
			t.Errorf("line %d: %s is no key", k.line, k.path)
		}
		delete(want, k.path)
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		t.Errorf("%s is not in the file", key)
	}
	for i, block := range strings.Split(string(text), "\n\n") {
		if commented.MatchString(block) && !strings.Contains(block, "# ") &&
			!strings.HasPrefix(strings.TrimSpace(block), "#[") {
			t.Errorf("block %d gives no reason:\n%s", i, block)
		}
	}
}

// TestPrecedence proves the order for every setting there is: file over default,
// environment over file, flag over all.
func TestPrecedence(t *testing.T) {
	for _, s := range defaults().settings() {
		t.Run(s.key, func(t *testing.T) {
			texts := samples(s)
			section, key := cutLast(s.key)
			file := fmt.Sprintf("[%s]\n%s = %s\n", section, key, spell(t, s, texts[0]))
			env := map[string]string{}
			var flags []Flag
			for i, where := range []string{"qb.toml:2", s.envName(), "--x"} {
				switch i {
				case 1:
					env[s.envName()] = texts[1]
				case 2:
					flags = []Flag{{s.key, "x", texts[0]}}
				}
				l := Default()
				faults := l.readTOML("qb.toml", []byte(file))
				faults = append(faults, l.readEnv(func(n string) (string, bool) { v, ok := env[n]; return v, ok })...)
				faults = append(faults, l.readFlags(flags)...)
				if faults != nil {
					t.Fatal(faults)
				}
				want := texts[i%2]
				for _, got := range l.settings() {
					if got.key != s.key {
						if l.source[got.key] != "" {
							t.Errorf("%s was set too, by %s", got.key, l.source[got.key])
						}
						continue
					}
					if raw := rawText(got); raw != want || l.source[s.key] != where {
						t.Errorf("step %d: got %s from %s, want %s from %s", i, raw, l.source[s.key], want, where)
					}
				}
			}
		})
	}
}

// samples are two texts of the setting's type that differ from each other and the default.
func samples(s setting) [2]string {
	switch s.value.Interface().(type) {
	case Duration:
		return [2]string{"17s", "2h"}
	case bool:
		return [2]string{"true", "false"}
	case int:
		return [2]string{"17", "19"}
	case []int:
		return [2]string{"3,5", "7"}
	case []string:
		return [2]string{"a,b", "c"}
	}
	return [2]string{"one", `two "quoted"`}
}

// spell is the text as a TOML literal of the setting's type.
func spell(t *testing.T, s setting, text string) string {
	t.Helper()
	v := reflect.New(s.value.Type()).Elem()
	if err := (setting{s.key, v}).setText(text); err != nil {
		t.Fatal(err)
	}
	if secret, ok := v.Interface().(Secret); ok {
		return quote(secret.Reveal())
	}
	return setting{s.key, v}.literal()
}

func rawText(s setting) string {
	switch v := s.value.Interface().(type) {
	case Secret:
		return v.Reveal()
	case []string:
		return strings.Join(v, ",")
	case []int:
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", ",")
	default:
		return fmt.Sprint(v)
	}
}

func cutLast(key string) (string, string) {
	i := strings.LastIndexByte(key, '.')
	return key[:i], key[i+1:]
}

func TestDefaultsAreValid(t *testing.T) {
	l, err := loadEnv(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.File != "" || len(l.source) != 0 {
		t.Errorf("defaults came from %q, %v", l.File, l.source)
	}
}

// TestSecretsStaySecret looks for the secrets in every way to print a Config.
func TestSecretsStaySecret(t *testing.T) {
	const canary = "canary-canary-canary-canary-canary"
	l, err := loadEnv(t, map[string]string{"QB_AUTH_JWT_SECRET": canary, "QB_METRICS_TOKEN": canary})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := json.Marshal(l.Tree())
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		l.TOML(), string(tree), fmt.Sprintf("%v %+v %#v %s", l.Auth, l.Auth, l.Auth, l.Metrics),
		l.fault("auth.jwt_secret", "bad").String(),
	} {
		if strings.Contains(out, canary) {
			t.Errorf("the secret shows: %s", out)
		}
	}
	if l.Auth.JWTSecret.Reveal() != canary {
		t.Error("the secret is not there")
	}
}

// TestFlagFaults: what only flags got wrong is the command line's fault.
func TestFlagFaults(t *testing.T) {
	listen := Flag{"server.listen", "listen", "nowhere"}
	_, err := loadEnv(t, nil, listen)
	if faults, ok := errors.AsType[Faults](err); !ok || len(faults) != 1 || !faults.OnlyFlags() {
		t.Errorf("a faulty flag gives %v", err)
	}
	_, err = loadEnv(t, map[string]string{"QB_LOG_LEVEL": "loud"}, listen)
	if faults, ok := errors.AsType[Faults](err); !ok || len(faults) != 2 || faults.OnlyFlags() {
		t.Errorf("a faulty flag and a faulty environment give %v", err)
	}
}

// TestPathsStartAtTheData: qb.toml moves with its directory.
func TestPathsStartAtTheData(t *testing.T) {
	env := map[string]string{"QB_TLS_CERT": "c.pem", "QB_TLS_KEY": "/etc/k.pem", "QB_BACKUP_DIR": "../b"}
	data := t.TempDir()
	l, err := Load(data, "", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	got := []string{l.TLS.Cert, l.TLS.Key, l.Backup.Dir}
	want := []string{filepath.Join(data, "c.pem"), "/etc/k.pem", filepath.Join(filepath.Dir(data), "b")}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzConfig: no document panics, and what loads survives dump and load.
func FuzzConfig(f *testing.F) {
	text, err := os.ReadFile("../../config.example.toml")
	if err != nil {
		f.Fatal(err)
	}
	// By section and without prose: the fuzzer is slow to shrink a long seed.
	open := regexp.MustCompile(`(?m)^# ?.*\n|^\n`).ReplaceAll(commented.ReplaceAll(text, []byte("$1")), nil)
	for section := range strings.SplitSeq(string(open), "\n[") {
		f.Add([]byte("[" + strings.TrimPrefix(section, "[")))
	}
	for _, seed := range []string{
		"[server]\nlisten = 5\n", "server = 1", "server.listen = \"a\\u007Fb:1\"", "[[server]]",
		"tiers = {a = {requests_per_minute = 1}}",
		"[tiers.\"x.y\"]\n", "tiers.x = 3", "[backup]\nevery = \"9999999h\"", "[webhooks]\nretry_minutes = [[1]]",
		"[server]\n[server]\n",
		"[tiers]\nx = {}", "a.b.c = 1", "[a.b]\n[a]\nb.c = 1", "[server]\nLISTEN = \":1\"", "=", "\xff",
		"[limits]\nholds_per_key = 1e400",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := Default()
		if l.readTOML("f", data) != nil || l.validate() != nil {
			return
		}
		l.Auth.JWTSecret, l.Metrics.Token = "", "" // a dump does not hold them
		again := Default()
		text := strings.NewReplacer(`jwt_secret = "unset"`, `jwt_secret = ""`, `token = "unset"`,
			`token = ""`).Replace(l.TOML())
		if faults := again.readTOML("dump", []byte(text)); faults != nil {
			t.Fatalf("the dump does not load: %v\n%s", faults, text)
		}
		if got := again.TOML(); !equalSettings(l, again) {
			t.Fatalf("the dump changes the configuration\n%s\n%s", text, got)
		}
	})
}

func equalSettings(a, b *Loaded) bool {
	x, y := a.settings(), b.settings()
	return slices.EqualFunc(x, y, func(p, q setting) bool { return p.key == q.key && p.literal() == q.literal() })
}
