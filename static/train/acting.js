/** What can be done with a run: stop it, take it up again, take away a start that came to nothing. */
import { button } from '../viewer/dom.js';
import { sendJson } from '../viewer/api.js';
import { icon } from '../viewer/icons.js';
import { ResumeDialog } from './resuming.js';

export class Acting {
  #done;
  #say;

  /** `done()`: the runs are to be looked at again; `say(words)` tells what went wrong. */
  constructor(done, say) {
    this.#done = done;
    this.#say = say;
    this.dialog = new ResumeDialog(done);
  }

  /** The buttons for a run. */
  tools(run) {
    const made = [];
    if (run.can_stop && !run.stopping) made.push(button([icon('stop'), 'Stop'], () => this.#ask('POST', run, '/stop', {}), { class: 'tr-stop', 'data-key': 'stop', title: 'After the step that runs, with a checkpoint to go on from' }));
    if (run.can_stop && run.stopping) made.push(button([icon('stop'), 'End at once'], () => this.#ask('POST', run, '/stop', { at_once: true }), { class: 'tr-stop', 'data-key': 'stop', title: 'Without waiting for its step: what came behind the last checkpoint is lost' }));
    if (run.can_resume) made.push(button([icon('again'), 'Resume'], () => this.#ask('POST', run, '/resume', {}), { class: 'st-primary', 'data-key': 'resume', title: 'From its last checkpoint' }));
    if (run.can_resume) made.push(button('Resume with …', () => this.dialog.open(run), { 'data-key': 'resume-other', title: 'With other values for some keys of its recipe' }));
    if (run.can_forget) made.push(button('Take away', () => this.#ask('DELETE', run, '', {}), { 'data-key': 'forget' }));
    return made;
  }

  async #ask(method, run, part, value) {
    try {
      await sendJson(method, `api/trainings/${run.id}${part}`, value);
    } catch (error) {
      this.#say(error.message);
    }
    this.#done();
  }
}
