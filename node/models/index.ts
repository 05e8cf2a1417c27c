// Law: the door of the models: a model server is asked here and nowhere else, and only on behalf of a judge.
export { type JudgingOptions, judgingSandbox } from './judging.ts';
export { createOllama, type Model, ModelError } from './ollama.ts';
