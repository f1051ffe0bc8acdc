// crowd-text-ranking and crowd-question-answer-generation. AWS does not document their answers; these are ours:
// {rankings: [{dimension, ranks: [1, 2, …]}]}, a rank for each response, and {questionsAndAnswers: [{question, answer, questionTag}]}.
import { CrowdElement, FLAG, LIST, NUMBER, TEXT, define, escaped } from "./element.js";
import { Instructions } from "./instructions.js";
import { styles } from "./theme.js";

const STYLES = styles(`
  :host { display: block } .said { margin-bottom: 16px } .text { white-space: pre-wrap; overflow-wrap: anywhere; margin-bottom: 16px }
  .card { border: 1px solid var(--clary-line); border-radius: 8px; padding: 12px 16px; margin: 0 0 12px } .card p { margin: 0 0 8px; white-space: pre-wrap }
  .row { display: flex; gap: 16px; flex-wrap: wrap; align-items: center } .row label { display: flex; gap: 8px; align-items: center } select.field { width: auto } .pair label { display: block; margin-bottom: 8px }
`);

class GeneratedText extends CrowdElement {
  build() {
    this.shadow(
      STYLES,
      `<div class="said awsui-app-layout__navigation"><slot name="short-instructions"></slot></div><div class="text"></div><div class="work"></div>
      <div class="problem" role="alert"></div><slot></slot>${Instructions.html}`,
    );
    this.instructions = new Instructions(this);
    this.work = this.shadowRoot.querySelector(".work");
    this.isNothing = false;
    this.reset();
  }

  changed() {
    this.show();
  }

  show() {
    this.shadowRoot.querySelector(".text").textContent = this.text;
  }

  edited() {
    this.isNothing = false;
    this.showProblem("");
    this.tellChange();
  }

  get value() {
    return this.submittable();
  }

  get _submittableValue() {
    return this.submittable();
  }

  showProblem(message) {
    this.shadowRoot.querySelector(".problem").textContent = message;
    if (message) this.work.querySelector("select, input, textarea, button")?.focus();
  }

  showInstructions() {
    return this.instructions.show();
  }
}

class CrowdTextRanking extends GeneratedText {
  reset() {
    this.ranks = new Map(); // dimension → ranks by response
    this.show();
  }

  show() {
    super.show();
    const dimensions = this.ordinalRankingDimensions;
    const { responses } = this;
    this.work.innerHTML = responses
      .map(
        (response, place) =>
          `<div class="card"><p>${escaped(response)}</p><div class="row">${dimensions.map(({ name }) => choice(name, place, responses.length)).join("")}</div></div>`,
      )
      .join("");
    for (const select of this.work.querySelectorAll("select")) {
      const { dimension, place } = select.dataset;
      select.value = String(this.ranks.get(dimension)?.[place] ?? "");
      select.addEventListener("change", () => {
        const ranks = this.ranks.get(dimension) ?? Array(responses.length).fill(null);
        this.ranks.set(dimension, ranks.with(Number(place), Number(select.value) || null));
        this.edited();
      });
    }
  }

  submittable() {
    return {
      rankings: this.ordinalRankingDimensions.map(({ name }) => ({
        dimension: name,
        ranks: this.ranks.get(name) ?? this.responses.map(() => null),
      })),
    };
  }

  restore({ rankings = [] }) {
    this.ranks = new Map(rankings.map(({ dimension, ranks }) => [dimension, ranks]));
    this.show();
  }

  problem() {
    for (const { name, allowTie } of this.ordinalRankingDimensions) {
      const ranks = this.ranks.get(name) ?? [];
      if (ranks.filter(Boolean).length < this.responses.length) return `Rank every response by ${name}.`;
      if (allowTie === false && new Set(ranks).size < ranks.length) return `By ${name}, no two responses may have the same rank.`;
    }
    return "";
  }
}

function choice(dimension, place, count) {
  const ranks = Array.from({ length: count }, (_, rank) => `<option>${rank + 1}</option>`).join("");
  const name = escaped(dimension);
  return `<label>${name} <select class="field" data-dimension="${name}" data-place="${place}" aria-label="${name}, response ${place + 1}"><option value="">Rank</option>${ranks}</select></label>`;
}

class CrowdQuestionAnswerGeneration extends GeneratedText {
  reset() {
    this.pairs = Array.from({ length: this.minQuestions ?? 1 }, () => ({ question: "", answer: "", questionTag: "" }));
    this.show();
  }

  show() {
    super.show();
    const tags = this.questionTags.map((tag) => `<option>${escaped(tag)}</option>`).join("");
    this.work.innerHTML =
      this.pairs.map((_, place) => pair(place, tags, this.allowCustomQuestionTags)).join("") +
      '<button class="button" type="button" data-add>Add a question</button>';
    this.work.querySelectorAll(".pair").forEach((card, place) => {
      for (const field of card.querySelectorAll("[data-of]")) {
        field.value = this.pairs[place][field.dataset.of];
        field.addEventListener("input", () => {
          this.pairs[place][field.dataset.of] = field.value;
          this.edited();
        });
      }
      card.querySelector("[data-remove]").addEventListener("click", () => this.setPairs(this.pairs.toSpliced(place, 1)));
    });
    const add = this.work.querySelector("[data-add]");
    add.disabled = this.maxQuestions !== null && this.pairs.length >= this.maxQuestions;
    add.addEventListener("click", () => this.setPairs([...this.pairs, { question: "", answer: "", questionTag: "" }]));
  }

  setPairs(pairs) {
    this.pairs = pairs;
    this.show();
    this.edited();
  }

  submittable() {
    return {
      questionsAndAnswers: this.pairs.map(({ question, answer, questionTag }) => ({
        answer: answer.trim(),
        question: question.trim(),
        questionTag,
      })),
    };
  }

  restore({ questionsAndAnswers = [] }) {
    this.pairs = questionsAndAnswers.map((each) => ({ question: "", answer: "", questionTag: "", ...each }));
    this.show();
  }

  nothing() {
    this.setPairs([]);
    this.isNothing = true;
  }

  problem() {
    if (this.isNothing) return "";
    if (this.pairs.length < (this.minQuestions ?? 1)) return `At least ${this.minQuestions ?? 1} question, please.`;
    for (const [place, { question, answer }] of this.pairs.entries()) {
      const said =
        words("question", question, this.questionMinWords, this.questionMaxWords) ||
        words("answer", answer, this.answerMinWords, this.answerMaxWords);
      if (said) return `Pair ${place + 1}: ${said}`;
    }
    return "";
  }
}

function pair(place, tags, isFree) {
  const tag = isFree
    ? `<input class="field" data-of="questionTag" list="tags-${place}"><datalist id="tags-${place}">${tags}</datalist>`
    : `<select class="field" data-of="questionTag"><option value=""></option>${tags}</select>`;
  return `<div class="card pair"><label><span class="label">Question ${place + 1}</span><textarea class="field" rows="2" data-of="question"></textarea></label>
    <label><span class="label">Answer</span><textarea class="field" rows="3" data-of="answer"></textarea></label><label><span class="label">Kind of question</span>${tag}</label>
    <button class="button" type="button" data-remove>Remove</button></div>`;
}

function words(what, text, least, most) {
  const count = text.trim() === "" ? 0 : text.trim().split(/\s+/).length;
  if (count < (least ?? 1)) return `the ${what} needs at least ${least ?? 1} word${(least ?? 1) === 1 ? "" : "s"}.`;
  return most !== null && count > most ? `the ${what} has ${count} words, at most ${most} are taken.` : "";
}

define("crowd-text-ranking", CrowdTextRanking, { text: TEXT, responses: LIST, ordinalRankingDimensions: LIST });
define("crowd-question-answer-generation", CrowdQuestionAnswerGeneration, {
  text: TEXT,
  minQuestions: NUMBER,
  maxQuestions: NUMBER,
  questionMinWords: NUMBER,
  questionMaxWords: NUMBER,
  answerMinWords: NUMBER,
  answerMaxWords: NUMBER,
  questionTags: LIST,
  allowCustomQuestionTags: FLAG,
});
