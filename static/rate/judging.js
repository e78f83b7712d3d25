/** What a rater has said about a step so far: plain values, and the form in which the server takes them. */

const EMPTY = { answers: {}, correction: null, own_point: null, comment: '', reason: '', seconds: 0, zoom_seen: null, keys_only: true };

/** Only answers that the questions still know: a new guideline may ask otherwise. */
function known(answers, questions) {
  return Object.fromEntries(
    questions
      .filter(({ id, choices }) => choices.some(({ value }) => value === answers?.[id]))
      .map(({ id }) => [id, answers[id]]),
  );
}

export class Judging {
  #questions;
  #given;

  /** `content`: a draft, or a former judgement, or nothing. */
  constructor(questions, content = null) {
    this.#questions = questions;
    Object.assign(this, structuredClone(EMPTY), structuredClone(content ?? {}));
    this.answers = known(this.answers, questions);
    // What was complete already is not sent because one answer of it is changed: that takes Enter, or all answers anew.
    this.#given = this.complete ? new Set() : new Set(Object.keys(this.answers));
  }

  get complete() {
    return this.#questions.every(({ id }) => id in this.answers);
  }

  /** Whether the last answer that was missing has just been given. */
  get ready() {
    return this.complete && this.#questions.every(({ id }) => this.#given.has(id));
  }

  /** The first question without an answer; undefined where there is none. */
  get missing() {
    return this.#questions.find(({ id }) => !(id in this.answers));
  }

  answer(question, value) {
    this.answers[question] = value;
    this.#given.add(question);
    this.last = question;
  }

  /** Takes the newest answer back, where one was given just now. */
  takeBack() {
    if (!this.last || !(this.last in this.answers)) return false;
    delete this.answers[this.last];
    this.#given.delete(this.last);
    this.last = '';
    return true;
  }

  /** Whether a person would miss it. */
  get empty() {
    return !Object.keys(this.answers).length && !this.correction && !this.own_point && !this.own && !this.comment && !this.reason;
  }

  /** As it is kept while it is not submitted; `own` is a place that was marked and not confirmed. */
  content() {
    const { answers, correction, own_point, comment, reason, seconds, zoom_seen, keys_only, own = null } = this;
    return structuredClone({ answers, correction, own_point, comment, reason, seconds, zoom_seen, keys_only, own });
  }

  /** As it is submitted. A skipped step keeps what was said before it was skipped. */
  judgement(kind) {
    const { own: _, ...said } = this.content();
    return { ...said, kind, reason: kind === 'skipped' ? said.reason : '' };
  }
}
