"""Kinds of things: a question names the kind ("which instruments does she play?"), what was said names the thing ("my violin").

Everyday English, written by hand, one line a kind: its name, then things that are of it. One way only: a question about violins
doesn't look for instruments. PLAIN does the same for the words of questions that people don't use when they talk.
"""

from __future__ import annotations

KINDS = """
sport: basketball football soccer tennis baseball hockey golf volleyball rugby cricket swim ski snowboard surf climb run boxing gymnastics
exercise: gym yoga run swim pilates weights cardio cycling workout hike strength
instrument: guitar piano violin drum flute cello clarinet saxophone trumpet bass ukulele harp keyboard
music: song band concert album rock jazz pop classical rap metal
animal: dog cat bird horse fish rabbit turtle snake bear lion elephant wolf deer fox
pet: dog cat puppy kitten turtle hamster rabbit parrot fish snake guinea
food: pizza pasta rice bread soup salad chicken beef cheese sushi curry burger sandwich meat fruit vegetable
meal: breakfast lunch dinner brunch supper
dessert: cake cookie pie pudding brownie cupcake tart mousse cream chocolate
drink: coffee tea wine beer juice water cocktail soda milk
fruit: apple banana orange berry strawberry grape lemon mango peach
vegetable: carrot potato tomato onion pepper broccoli spinach
plant: flower rose tulip tree herb cactus orchid seed
family: mother father mom dad sister brother son daughter wife husband aunt uncle cousin grandma grandpa kid child
relative: mother father sister brother aunt uncle cousin grandma grandpa
parent: mother father mom dad
sibling: brother sister
child: kid son daughter baby
spouse: wife husband
relationship: boyfriend girlfriend husband wife partner married engaged divorced single
country: france italy spain germany england ireland scotland sweden norway china japan india canada mexico brazil australia greece turkey
 korea thailand america usa uk portugal netherlands switzerland austria poland russia egypt morocco kenya vietnam argentina peru
city: paris london rome berlin madrid tokyo york boston chicago seattle miami angeles francisco barcelona sydney toronto amsterdam vienna
state: california texas florida minnesota connecticut oregon washington michigan colorado arizona ohio virginia
place: city country beach park museum mountain lake forest castle
travel: trip visit flight vacation tour
vehicle: car truck bike motorcycle van bus
art: paint draw sculpture pottery photography
hobby: read paint cook hike garden photography game knit fish dance
game: chess poker monopoly catan cards puzzle nintendo xbox playstation
book: novel series author reading fiction
movie: film drama comedy thriller horror romance
genre: drama comedy thriller horror romance fantasy mystery fiction action
toy: doll lego puzzle teddy
job: teacher nurse doctor engineer lawyer artist waiter manager developer accountant designer intern
subject: math history science biology physics chemistry literature
education: school college university degree
language: spanish french german italian english japanese chinese python java javascript
weather: rain sun snow storm wind cold hot
season: summer winter spring autumn fall
holiday: christmas easter thanksgiving halloween
month: january february march april may june july august september october november december
color: red blue green yellow purple pink orange black white brown rainbow
clothes: shirt dress shoe jacket hat jeans hoodie coat
furniture: chair table sofa couch desk bed shelf lamp
illness: flu cancer cold fever asthma diabetes
injury: ankle knee broke sprain fracture
health: sick doctor hospital diet weight stress
event: party wedding festival concert parade fair conference meeting fundraiser workshop gala tournament
outdoor: hike camp beach picnic climb fish mountain park
charity: donate fundraiser homeless shelter volunteer benefit
volunteer: shelter charity homeless community
religion: church god faith pray mosque temple
community: neighborhood church shelter
award: medal trophy prize certificate
symbol: flag necklace tattoo
emotion: happy sad angry afraid excited proud nervous
nickname: called
gift: gave present necklace
collect: collection stamp coin
device: phone laptop tablet computer
technology: python javascript react flask django node sql
database: sqlite postgres mysql mongodb redis
security: password hash encrypt token csrf
"""

PLAIN = """
participate: join attend went
attend: went join
purchase: buy got
acquire: buy got
receive: got gave
obtain: got
reside: live
relocate: move
begin: start
complete: finish done
create: make made
construct: build
require: need
assist: help
utilize: use
discover: find
encounter: meet met
consume: eat drink
interest: love enjoy passion fan
hobby: love enjoy fun
favorite: love best
passion: love enjoy
goal: want hope dream plan
aspiration: want hope dream goal
ambition: want hope dream goal
career: job work
occupation: job work
profession: job work
challenge: hard tough difficult struggle
difficulty: hard tough struggle
obstacle: hard tough struggle
setback: lost rejected failed
success: won proud achieve
achievement: won proud finally
accomplishment: won proud finally finish
unwind: relax calm
relax: calm unwind peace
pastime: enjoy fun love
romantic: girlfriend boyfriend date love
marital: married wife husband single divorced
friend: buddy pal
opinion: think feel
feeling: happy sad proud nervous excited
financial: money pay cost job
location: city country place
live: move apartment house
roommate: flatmate
accident: crash hurt
damage: broke broken
trip: went travel drive
celebrate: party birthday
describe: feel like
reaction: feel wow
motivate: inspire love
inspire: motivated love
allergy: allergic
allergic: allergy
decorate: paint hang
business: store shop company
store: shop
shop: store
company: business firm
team: club
trophy: medal prize
competition: contest tournament won
contest: competition tournament
tournament: competition won
dish: recipe cook
recipe: cook bake
cook: recipe bake dish
bake: cake cookie bread
snack: chips candy chocolate
nature: forest mountain hike lake park
adventure: hike trip travel climb
class: course workshop lesson
course: class workshop
lesson: class
organization: charity group
degree: university college graduate
graduate: degree college
certificate: degree
kid: son daughter child
mom: mother
mother: mom
dad: father
father: dad
grandmother: grandma
picture: photo
photo: picture pic
movie: watch cinema
concert: band show
beach: sea ocean sand
ocean: sea beach
"""
"""a question's formal word: what people say instead when they talk"""


def table() -> dict[str, list[str]]:
    """kind, or formal word -> things that are of it, or plainer words, as written."""
    found: dict[str, list[str]] = {}
    for line in (KINDS.replace("\n ", " ") + PLAIN).split("\n"):
        kind, _, things = line.partition(":")
        if kind:
            found.setdefault(kind, []).extend(things.split())
    return found
