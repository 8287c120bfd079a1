/** The face of the surface: what a module's routes and the composition root need. */
export { type Access, type Answer, accepted, answers, created, IdParams, idPath, type ModuleRoutes, NoContent } from './answers.ts'
export { createHttp, type Http, type HttpNeeds } from './http-server.ts'
