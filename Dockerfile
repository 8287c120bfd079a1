# The production image: one bundled program, the migrations, and the one package that holds machine code.

FROM node:24.21-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
COPY drizzle drizzle
RUN npm run bundle

# Optional packages hold the native part of @node-rs/argon2, so they are installed; a second Node among them is not copied.
FROM node:24.21-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24.21-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules/@node-rs node_modules/@node-rs
COPY --from=build /app/dist dist
COPY drizzle drizzle
COPY deploy/healthcheck.mjs deploy/healthcheck.mjs
COPY package.json LICENSE ./
USER node
EXPOSE 3000 7400
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=12 CMD ["node", "deploy/healthcheck.mjs"]
CMD ["node", "dist/server.mjs"]
