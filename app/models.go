package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/operatord/operatord/asr/whisper"
	"github.com/operatord/operatord/config"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/encoder"
	"github.com/operatord/operatord/weights"
)

// unpackTimeout bounds writing the bundled models to the cache.
const unpackTimeout = time.Minute

// CacheDir returns the folder for models: operatord's own part of the user's cache.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(dir, "operatord", "models"), nil
}

// modelPaths returns the files of all models, unpacking the bundled ones. It falls back to the data folder where there is
// no cache folder, as for system users.
func (a *App) modelPaths(ctx context.Context) (weights.Paths, error) {
	dir, err := CacheDir()
	if err != nil {
		dir = filepath.Join(a.cfg.DataDir, "models")
	}
	ctx, cancel := context.WithTimeout(ctx, unpackTimeout)
	defer cancel()
	paths, err := weights.Unpack(ctx, dir)
	if err != nil {
		return weights.Paths{}, fmt.Errorf("unpack the bundled models: %w", err)
	}
	for _, chosen := range []struct {
		setting string
		path    *string
	}{{a.cfg.ASR.Model, &paths.Speech}, {a.cfg.ASR.VADModel, &paths.VAD}, {a.cfg.Tracking.Encoder, &paths.Encoder}} {
		if chosen.setting != config.Bundled {
			*chosen.path = chosen.setting
		}
	}
	return paths, nil
}

// openModels finds the model files, opens the sentence encoder and the detector above it, and loads the speech model in the
// background: calls are answered and recorded meanwhile.
func (a *App) openModels(ctx context.Context) error {
	paths, err := a.modelPaths(ctx)
	if err != nil {
		a.health.problem("models", err.Error())
		a.log.Error("no models", "err", err)
	}
	enc, background := a.openEncoder(ctx, paths)
	a.meaning = meaning{encoder: enc, background: background}
	live, err := a.keepVectors(ctx, enc)
	if err != nil {
		return err
	}
	a.detector, err = tracking.New(tracking.Options{
		Encoder: live, Background: background, IDs: &a.ids, Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	const loading = "loading"
	a.health.problem(loading, "models are still being loaded")
	a.life.background(ctx, "model loading", func(context.Context) error {
		a.loadSpeech(paths)
		a.health.solved(loading)
		a.log.Info("models loaded", "took_ms", time.Since(a.health.started).Milliseconds())
		return nil
	})
	return nil
}

// loadSpeech loads the speech model and gives it to the recognizer. Without one the daemon goes on: it answers and
// records, and says what is wrong.
func (a *App) loadSpeech(paths weights.Paths) {
	const part = "asr"
	if !a.cfg.ASR.Enabled {
		return
	}
	engine, err := whisper.Load(whisper.Options{ModelPath: paths.Speech, VADPath: paths.VAD})
	if err == nil {
		err = a.recognizer.SetEngine(engine)
	}
	if err != nil {
		a.health.problem(part, err.Error())
		a.log.Error("speech recognition is off", "err", err)
		return
	}
	a.engine = engine
	a.health.model("speech", engine.Model())
	a.health.solved(part)
}

// openEncoder opens the sentence encoder. Without one, trackers match word for word only.
func (a *App) openEncoder(ctx context.Context, paths weights.Paths) (tracking.Encoder, *tracking.Background) {
	const part = "tracking"
	if a.cfg.Tracking.Encoder == "none" {
		return nil, nil
	}
	enc, err := encoder.Open(paths.Encoder, encoder.Options{Contexts: encoderContexts, Logger: a.log})
	if err != nil {
		a.health.problem(part, "trackers match word for word only: "+err.Error())
		a.log.Error("sentence encoder is off", "err", err)
		return nil, nil
	}
	a.encoder = enc
	a.health.model("encoder", enc.Name())
	background, err := tracking.LoadBackground(ctx, enc, filepath.Join(a.cfg.DataDir, "models"), func(file string) {
		a.log.Info("computing the statistics of a new sentence encoder, once; this takes minutes", "encoder", enc.Name(), "file", file)
	})
	if err != nil {
		a.log.Warn("no background statistics for this sentence encoder; meanings are scored by the best phrase", "err", err)
	}
	return enc, background
}

// encoderContexts is how many texts are encoded at once; each takes one thread.
const encoderContexts = 2
