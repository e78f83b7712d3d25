/** What is wanted of a new policy: how it learns, what it begins with, on what it is compared; tried out before it begins. */
import { getJson } from '../viewer/api.js';
import { button, el, fill, uid } from '../viewer/dom.js';
import { field, input, lines } from '../viewer/fields.js';
import { icon } from '../viewer/icons.js';
import { Rehearsal } from '../viewer/rehearsal.js';
import { plural } from '../viewer/words.js';

const NONE = '';
const OWN = ' own';
const USUAL = 'qwen2.5-vl-3b-lora';
const MOST = 1_000_000;

/** One half of the training: a recipe out of a list or of one's own, and other values for it. */
class Half {
  constructor(label, none, hint) {
    this.recipe = el('select', { class: 'sc-select st-select' });
    this.file = input('/home/me/recipe.yaml');
    this.changes = el('textarea', { class: 'st-input st-area', rows: '2', placeholder: 'steps=100', spellcheck: 'false' });
    this.none = none;
    this.own = field('YAML file on this machine', this.file);
    this.others = field('Other values', this.changes, 'A line a value of the recipe, KEY=VALUE.');
    this.node = el('fieldset', { class: 'cu-set' }, el('legend', { text: label }), field('Recipe', this.recipe, hint), this.own, this.others);
  }

  offer(recipes, usual) {
    const option = (value, text) => el('option', { value, text, selected: value === usual });
    fill(this.recipe, option(NONE, this.none), recipes.map(({ name, title }) => option(name, `${name} – ${title}`)), option(OWN, 'A recipe of your own …'));
    this.fit();
  }

  fit() {
    this.own.hidden = this.recipe.value !== OWN;
    this.others.hidden = this.recipe.value === NONE;
  }

  get value() {
    const recipe = this.recipe.value === OWN ? this.file.value.trim() : this.recipe.value;
    return { recipe, changes: recipe ? lines(this.changes) : [] };
  }
}

export class WishDialog {
  #found = null;
  #ready = false;

  /** `begun(improvement)`: one has begun. */
  constructor(begun) {
    this.trial = new Rehearsal(
      { dry: 'Try out', key: 'try', said: 'What the trial said', trying: 'Records, recipes, questions and truths are being tried …', hint: 'After these very values were tried out' },
      {
        path: (part) => `api/curation/${this.#found.id}/improvements${part}`,
        wish: () => this.#wish,
        key: () => JSON.stringify([this.#found.id, this.#wish]),
        ready: () => this.#ready,
        begun: ({ improvement }) => {
          this.node.close();
          begun(improvement);
        },
      },
    );
    this.words = new Half('From what was said', 'Not at all', 'Supervised fine-tuning on the records of the split train.');
    this.rewards = new Half('Then by rewards', 'Not at all', 'Reinforcement learning on their questions and truths.');
    this.name = input('people', { maxlength: '90' });
    this.policies = el('datalist', { id: uid('policies') });
    this.policy = input('the recipe’s', { list: this.policies.id });
    const title = uid('wish');
    this.node = el('dialog', { class: 'sc-dialog cu-wish', 'aria-labelledby': title }, this.#head(title), this.#fields(), this.#foot());
    this.node.addEventListener('input', () => this.#changed());
    this.node.addEventListener('close', () => this.trial.leave());
  }

  #head(title) {
    return el('header', { class: 'sc-dialog-head' }, el('h3', { id: title, text: 'Train a policy on these records' }), button(icon('close'), () => this.node.close(), { class: 'is-bare', 'aria-label': 'Close' }));
  }

  #fields() {
    const half = (...nodes) => el('div', { class: 'st-half' }, ...nodes);
    this.which = el('p', { class: 'sc-quiet' });
    return el(
      'div',
      { class: 'st-fields' },
      this.which,
      half(field('Name of the policy', this.name, 'Its run has that name too; the one by rewards ends in -grpo.'), field('Begins with', this.policy, 'One of those listed, a hub name, or a folder. It is what the new one is compared with.'), this.policies),
      half(this.words.node, this.rewards.node),
      this.#questions(),
      this.trial.said,
    );
  }

  #questions() {
    const group = uid('world');
    const choice = (value, title, hint) => {
      const id = uid('world');
      const node = el('input', { type: 'radio', name: group, value, id, checked: value === 'records' });
      return [node, el('div', { class: 'st-check' }, node, el('label', { for: id }, title, hint))];
    };
    this.heldOut = el('span', { class: 'st-hint' });
    const [records, first] = choice('records', 'The split test of these records', this.heldOut);
    const [needle, second] = choice('needle', 'Drawn scenes', el('span', { class: 'st-hint', text: 'Of the needle world, which no training sees.' }));
    this.records = records;
    this.needle = needle;
    this.difficulty = el('select', { class: 'sc-select st-select' });
    this.most = el('input', { class: 'st-input', type: 'number', min: '1', max: String(MOST), step: '1', placeholder: 'all, or 500 scenes' });
    this.hard = field('Difficulty', this.difficulty);
    return el('fieldset', { class: 'cu-set' }, el('legend', { text: 'Both are compared on' }), first, second, el('div', { class: 'st-half' }, field('Questions at most', this.most), this.hard));
  }

  #foot() {
    return el('footer', { class: 'st-foot' }, el('p', { class: 'st-hint', text: 'It is a process of its own: it goes on when this page is closed and when the program ends.' }), this.trial.node);
  }

  /** `found`: what the rule takes; `recipe`: what was sent with it. */
  async open(found, recipe) {
    this.#found = { id: found.study.id, sent: { rule: found.canonical, ...recipe } };
    const count = (name) => found.splits.find(({ split }) => split === name)?.records ?? 0;
    this.which.textContent = `${plural(count('train'), 'record')} to learn from, of the study “${found.study.name}” by the rule ${found.canonical}`;
    this.heldOut.textContent = count('test') ? `${plural(count('test'), 'record')} that no training sees.` : 'There is none: give that split a share.';
    this.trial.say('');
    this.node.showModal();
    this.#changed();
    if (this.#ready) return;
    try {
      this.#offer(await getJson('api/improvements/choices'));
    } catch (error) {
      // Recipes of one's own can be taken all the same.
      this.#offer({ recipes: [], policies: [], difficulties: [] });
      this.trial.say(error.message, true);
    }
  }

  #offer({ recipes, policies, difficulties }) {
    const of = (kind) => recipes.filter((one) => one.kind === kind);
    this.words.offer(of('sft'), of('sft').some(({ name }) => name === USUAL) ? USUAL : NONE);
    this.rewards.offer(of('grpo'), NONE);
    fill(this.policies, policies.map((value) => el('option', { value })));
    fill(this.difficulty, difficulties.map(({ name, title }) => el('option', { value: name, text: title, selected: name === 'default' })));
    this.#ready = true;
    this.#changed();
  }

  get #wish() {
    const [words, rewards] = [this.words.value, this.rewards.value];
    const world = this.needle.checked ? 'needle' : 'records';
    const n = this.most.valueAsNumber;
    return {
      ...this.#found.sent,
      name: this.name.value.trim(),
      recipe: words.recipe,
      reinforce: rewards.recipe,
      policy: this.policy.value.trim(),
      changes: words.changes,
      reinforce_changes: rewards.changes,
      world,
      difficulties: world === 'needle' && this.difficulty.value ? [this.difficulty.value] : [],
      n: Number.isSafeInteger(n) && n >= 1 && n <= MOST ? n : null,
    };
  }

  #changed() {
    this.words.fit();
    this.rewards.fit();
    this.hard.hidden = !this.needle.checked;
    this.trial.changed();
  }
}
