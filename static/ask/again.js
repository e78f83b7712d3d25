/** Asking once more what was asked before. */

/** What a run was asked with, from how it is told; `here` are the settings of the form, for whatever the run does not tell. */
export function wishOf({ policy, picture, question, domain, samples, truth, settings, dataset }, here, otherwise) {
  const known = Object.fromEntries(Object.keys(here).map((name) => [name, settings?.[name] ?? here[name]]));
  return { policy, picture: picture.sha256, question, domain, truth: truth ?? null, samples, settings: known, dataset: dataset ?? otherwise };
}

/** The same with its own seed ('same') or the one after it ('next'). */
export function withSeed(wish, which) {
  return { ...wish, settings: { ...wish.settings, seed: wish.settings.seed + (which === 'next' ? 1 : 0) } };
}
