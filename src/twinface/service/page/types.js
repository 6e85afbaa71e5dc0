// @ts-check
/**
 * The records of the service that the page reads. Nothing here runs.
 *
 * @typedef {{word: "good"|"usable"|"poor", value: number, reasons: string[]}} Quality
 * @typedef {{box: number[]|null, turn: number, number: number, found: number, score: number|null,
 *   quality: Quality|null, aligned?: string}} Face
 * @typedef {{width: number, height: number, faces: Face[], compared?: number|null}} Found
 * @typedef {{this_high: number, least: number, people: number}} StrangerRates
 * @typedef {{same: boolean|null, outcome: string, title: string, text: string, score: number|null, threshold: number,
 *   zone: number[]|null, probability: number|null, model: string, trained_on: string, threshold_fitted_on: string,
 *   rates: StrangerRates|null, faces: Face[], notes: string[], photos?: Found[], scale?: string|null,
 *   maps?: string[]|null, maps_meaning?: string}} Verdict
 * @typedef {{id: number, name: string, created: string, faces: number}} Person
 * @typedef {{people: Person[], next: number|null, count: number}} PeopleList
 * @typedef {{id: number, quality: number, created: string, has_crop: boolean}} EnrolledFace
 * @typedef {{name: string, score: number, rate: number|null, same_person: boolean}} LookAlike
 * @typedef {{person: Person, faces: EnrolledFace[], look_alikes: LookAlike[], confirmed: number,
 *   rejected: number}} PersonDetails
 * @typedef {{photo: string, accepted: boolean, reasons: string[], quality?: number|null}} PhotoResult
 * @typedef {{name: string, id: number|null, is_new: boolean, photos: PhotoResult[], look_alikes: LookAlike[],
 *   notes: string[]}} Enrolment
 * @typedef {{name: string, id: number, score: number, probability: number, fpir: number,
 *   rejected: boolean}} Candidate
 * @typedef {{name: string|null, nobody: number, candidates: Candidate[], face: Face, notes: string[]}} IdentifiedFace
 * @typedef {{width: number, height: number, people: number, fpir: number, faces: IdentifiedFace[], model: string,
 *   rates: string}} Identification
 * @typedef {{id: string|number, kind: string, state: "open"|"queued"|"running"|"finished"|"failed"|"cancelled",
 *   done: number, total: number, error: string|null, created: string, ended: string|null}} Job
 * @typedef {{fmr: number, fnmr: number, fnmr_low: number, fnmr_high: number, threshold: number}} ErrorRates
 * @typedef {{needs_key: boolean, scopes: string[]}} Access
 */
export {};
